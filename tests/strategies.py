"""Random specs and spaces for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

from space import Level, MgNetSpec

SHARING = st.sampled_from(["level", "iteration"])


def levels(max_levels: int = 3, max_nu: int = 3, max_width: int = 9) -> st.SearchStrategy[list[Level]]:
    width = st.integers(1, max_width)
    level = st.builds(Level, nu=st.integers(1, max_nu), c_u=width, c_f=width)
    return st.lists(level, min_size=1, max_size=max_levels)


def specs(max_levels: int = 3, max_nu: int = 3, max_width: int = 9) -> st.SearchStrategy[MgNetSpec]:
    return st.builds(
        MgNetSpec,
        levels=levels(max_levels, max_nu, max_width).map(tuple),
        share_a=SHARING,
        share_b=SHARING,
        in_channels=st.sampled_from([1, 3, 4]),
        num_classes=st.integers(2, 12),
    )
