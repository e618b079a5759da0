"""The web server of the loopback interface: who may ask, and what."""

from __future__ import annotations

import http.client
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

import pytest

from results.loopback import Environ, StartResponse, answer, served
from space.core.errors import InvalidInputError
from tests.support.waiting import MOST_S


def hello(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    return answer(start_response, "200 OK", b"hello")


@pytest.fixture
def port() -> Iterator[int]:
    with served(hello, 0) as address:
        assert address.startswith("http://127.0.0.1:")
        found = urlsplit(address).port
        assert found is not None
        yield found


def ask(port: int, host: str | None = "127.0.0.1", method: str = "GET") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=MOST_S)
    connection.putrequest(method, "/", skip_host=True)
    if host is not None:
        connection.putheader("Host", host)
    connection.endheaders()
    return connection.getresponse()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST:9000", "127.0.0.1:80"])
def test_requests_of_this_machine_are_answered(port: int, host: str) -> None:
    reply = ask(port, host)
    assert (reply.status, reply.read()) == (200, b"hello")
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", None])
def test_other_host_names_are_refused(port: int, host: str | None) -> None:
    reply = ask(port, host)
    assert reply.status == 403
    assert b"hello" not in reply.read()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_requests_that_change_something_are_refused(port: int, method: str) -> None:
    assert ask(port, method=method).status == 405


def test_a_port_in_use_is_one_line(port: int) -> None:
    with (
        pytest.raises(InvalidInputError, match=f"port {port} is in use; choose another"),
        served(hello, port),
    ):
        pass


@pytest.mark.parametrize("wrong", [-1, 65_536])
def test_a_port_out_of_range_is_one_line(wrong: int) -> None:
    with pytest.raises(InvalidInputError, match=f"--port must be from 0 .* to 65535, but got {wrong}"):
        served(hello, wrong).__enter__()


def test_the_port_is_free_afterwards(port: int) -> None:
    with served(hello, 0) as address:
        other = urlsplit(address).port
    assert other is not None
    with served(hello, other):
        assert ask(other).status == 200
