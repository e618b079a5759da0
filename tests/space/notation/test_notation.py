"""The papers' notation: round trips, spellings, and errors that show the character."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from space.core.errors import InvalidInputError
from space.networks.mgnet import MgNetSpec
from space.notation.parse import parse_notation
from tests.support.strategies import specs


@given(spec=specs(max_levels=5, max_nu=12, max_width=2000))
def test_round_trip(spec: MgNetSpec) -> None:
    parsed = parse_notation(spec.notation, in_channels=spec.in_channels, num_classes=spec.num_classes)
    assert parsed == spec
    assert parsed.notation == spec.notation


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("MgNet[2,2]-[8,8]-B^l", "MgNet[2,2]-8-B^l"),
        ("MgNet[2,2]-[(8,8),(9,9)]-A^l-B^{l,i}", "MgNet[2,2]-[8,9]-B^{l,i}"),
        (" MgNet [ 2 , 2 ] - 8 - B^l ", "MgNet[2,2]-8-B^l"),
        ("MgNet[2,1]-(3,4)-B^l", "MgNet[2,1]-[(3,4),(3,4)]-B^l"),
    ],
)
def test_spellings(text: str, printed: str) -> None:
    assert parse_notation(text).notation == printed


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", r"expected a network's family \(MgNet, ResNet, PreActResNet\), but got the end at character 1"),
        ("LeNet5", "got 'L' at character 1"),
        (
            "MgNet2-8-B^l",
            r"expected '\[' and the smoothing iterations of each level, but got '2' at character 6",
        ),
        ("MgNet[2,0]-8-B^l", "from 1 to 999999, but got '0' at character 9"),
        ("MgNet[2,-1]-8-B^l", "got '-' at character 9"),
        ("MgNet[2,2-8-B^l", r"expected '\]', but got '-' at character 10"),
        ("MgNet[2,2]-[8]-B^l", r"2 levels need 2 widths \(found 1\), but got '8' at character 13"),
        ("MgNet[2,2]-8", "expected -B.* but got the end at character 13"),
        ("MgNet[2,2]-8-C^l", "expected A or B, but got 'C' at character 14"),
        ("MgNet[2,2]-8-B^i", "got 'i' at character 16"),
        ("MgNet[2,2]-8-B^l-A^l", "A stands before B, and each once, but got 'A' at character 18"),
        ("MgNet[2,2]-8-B^lx", "expected '-' and an option, or the end, but got 'x' at character 17"),
        ("MgNet[99999999]-8-B^l", "from 1 to 999999"),
        (f"MgNet[2,2]-{'9' * 5000}-B^l", "from 1 to 999999, but got '9' at character 12"),
    ],
)
def test_errors_point_at_the_character(text: str, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        parse_notation(text)


def test_long_texts_are_shortened() -> None:
    with pytest.raises(InvalidInputError, match="expected a network's family") as caught:
        parse_notation("x" * 10**6)
    assert len(str(caught.value)) < 300


@given(text=st.text(alphabet="MgNet[](),-^{}lAiB0123 ", max_size=40))
def test_any_text_is_a_network_or_an_error_of_one_line(text: str) -> None:
    try:
        spec = parse_notation(text)
    except InvalidInputError as error:
        message = str(error)
    else:
        assert parse_notation(spec.notation) == spec
        return
    assert "\n" not in message
