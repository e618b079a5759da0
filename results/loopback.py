"""A web server that only this machine reaches, for pages that show a study."""

from __future__ import annotations

import errno
import logging
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from space.core.errors import InvalidInputError

HOST = "127.0.0.1"
NAMES = frozenset({HOST, "localhost"})
"""The names of this machine in a request. Other names come from pages of other sites (DNS rebinding)."""
MOST_PORT = 65_535
HEADERS = [
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
]
"""Headers of every answer: no other site may show or read it."""
_logger = logging.getLogger(__name__)

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]
"""A web application of WSGI, the standard interface (PEP 3333)."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """Bind the port, without the look-up of the host's name, which can take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "localhost", self.server_address[1]
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log an error of a request; a browser that closed the connection is none."""
        if not isinstance(sys.exception(), ConnectionError):
            _logger.warning("a request failed", exc_info=True)


class _Handler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name of http.server)
        """Print nothing for a request."""


@contextmanager
def served(app: App, port: int) -> Iterator[str]:
    """Serve a web application on the loopback interface during the block.

    Requests with another host name than that of this machine, and all that could change something, are refused.

    Args:
        app: The application.
        port: The port; 0 for any free one.

    Yields:
        The address, such as ``http://127.0.0.1:8000``.

    Raises:
        InvalidInputError: The port is out of range, in use, or needs privileges.
    """
    server = _bound(port)
    server.set_app(read_only(app))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _bound(port: int) -> _Server:
    if not 0 <= port <= MOST_PORT:
        raise InvalidInputError(f"--port must be from 0 (any free port) to {MOST_PORT}, but got {port}")
    try:
        return _Server((HOST, port), _Handler)
    except OSError as error:
        reasons = {errno.EADDRINUSE: "is in use", errno.EACCES: "needs the rights of an administrator"}
        reason = reasons.get(error.errno or 0, f"cannot be opened ({error.strerror})")
        raise InvalidInputError(f"port {port} {reason}; choose another (--port 0 takes a free one)") from None


def read_only(app: App) -> App:
    """Return an application that answers only this machine's requests, and only those that change nothing."""

    def checked(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            own = {name.lower() for name, _ in headers}
            return start_response(
                status, [*headers, *(pair for pair in HEADERS if pair[0].lower() not in own)], *rest
            )

        host = str(environ.get("HTTP_HOST", "")).rpartition(":")
        if (host[0] or host[2]).lower() not in NAMES:
            return answer(start, "403 Forbidden", b"this page answers only 127.0.0.1 and localhost\n")
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return answer(start, "405 Method Not Allowed", b'{"reason": "this page is read-only"}\n')
        return app(environ, start)

    return checked


def answer(
    start_response: StartResponse, status: str, body: bytes, kind: str = "text/plain; charset=utf-8"
) -> list[bytes]:
    """Answer a request with ``body``, whose MIME type is ``kind``."""
    start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]
