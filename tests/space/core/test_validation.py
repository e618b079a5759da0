"""Pydantic's findings in one line: no pydantic names, no endless values."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from space.core.errors import nearest, shown
from space.core.validation import explain


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    width: PositiveInt = 1


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    workers: PositiveInt | Literal["auto"] = "auto"
    inner: Annotated[Inner | None, Field(description="seen through")] = None
    many: tuple[Inner, ...] = Field(default=(), min_length=1)
    flag: bool = False
    name: str = Field(default="a", min_length=1)
    factor: float = Field(default=1.0, allow_inf_nan=False)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"workers": "many"}, "workers: must be a valid integer or 'auto', but got 'many'"),
        ({"workers": 0}, "workers: must be greater than 0 or 'auto', but got 0"),
        ({"inner": {"widht": 1}}, "unknown key 'inner.widht'; did you mean 'width'? (known here: width)"),
        ({"inner": {"q": 1}}, "unknown key 'inner.q' (known here: width)"),
        (
            {"many": [{}, {"widht": 1}]},
            "unknown key 'many.1.widht'; did you mean 'width'? (known here: width)",
        ),
        ({"many": [{}, {"width": 0}]}, "many.1.width: must be greater than 0, but got 0"),
        ({"many": [3]}, "many.0: must be a table (an object in JSON), but got 3"),
        ({"many": 3}, "many: must be a list, but got 3"),
        ({"many": []}, "many: must have at least 1 item, but got []"),
        ({"flag": "perhaps"}, "flag: must be true or false, but got 'perhaps'"),
        ({"name": 3}, "name: must be text, but got 3"),
        ({"name": ""}, "name: must have at least 1 character, but got ''"),
        ({"factor": float("nan")}, "factor: must be a finite number, but got nan"),
        ({"factor": "x"}, "factor: must be a valid number, but got 'x'"),
        (
            {"wrokers": 1, "flag": 7},
            "unknown key 'wrokers'; did you mean 'workers'? "
            "(known here: workers, inner, many, flag, name, factor)",
        ),
        (3, "must be a table (an object in JSON), but got 3"),
    ],
)
def test_messages(data: Any, says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(data)
    assert str(explain(caught.value, Outer, "x.toml")) == f"x.toml: {says}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (None, "nothing"),
        (2.5, "2.5"),
        ("a\nb", r"'a\nb'"),
        ({"low": 1, "odd key": [1, "x"]}, "{low = 1, 'odd key' = [1, 'x']}"),
        (list(range(100)), "[0, 1, 2, 3, 4, 5, 6, 7, ...]"),
        ([[[[1]]]], "[[[...]]]"),
    ],
)
def test_values_are_shown_as_a_study_file_spells_them(value: Any, text: str) -> None:
    assert shown(value) == text


values = st.recursive(
    st.text() | st.integers() | st.floats() | st.none() | st.booleans(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(value=values)
def test_any_value_is_one_short_line(value: Any) -> None:
    text = shown(value)
    assert len(text) <= 100
    assert len(text.splitlines()) == 1


def test_endless_values_are_cheap() -> None:
    endless: list[Any] = []
    for _ in range(100_000):
        endless = [endless]
    assert shown(endless) == "[[[...]]]"
    assert len(shown({"x" * 10**6: "y" * 10**6})) <= 100
    assert nearest("x" * 10**6, ["width"]) == ""
    assert shown(16**5000) == "a number of about 6021 digits"
