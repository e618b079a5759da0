"""Random specs and spaces for property tests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from space.networks.grid_spec import GridSpec
from space.networks.mgnet import Level, MgNetSpec
from space.networks.resnet import PreActResNetSpec, ResNetSpec
from space.networks.smoothers import SMOOTHERS, SmootherBase
from space.networks.weight_sharing import SHARINGS

SHARING = st.sampled_from(["level", "iteration"])
ANY_SHARING = st.sampled_from(SHARINGS)
ACTIVATIONS = ["relu", "leaky_relu", "silu", "gelu", "hardswish"]


@st.composite
def levels(
    draw: st.DrawFn,
    max_levels: int = 3,
    max_nu: int = 3,
    max_width: int = 9,
    min_width: int = 1,
    *,
    same_width: bool = False,
) -> tuple[Level, ...]:
    """Levels; widths are often equal, so that operators of different levels can be shared."""
    width = st.integers(min_width, max_width) | st.sampled_from([min(4, max_width), min(6, max_width)])
    found = []
    for _ in range(draw(st.integers(1, max_levels))):
        c_u = draw(width)
        c_f = c_u if same_width else draw(width)
        found.append(Level(nu=draw(st.integers(1, max_nu)), c_u=c_u, c_f=c_f))
    return tuple(found)


def specs(max_levels: int = 3, max_nu: int = 3, max_width: int = 9) -> st.SearchStrategy[MgNetSpec]:
    """The MgNets of the papers: no hyperparameter but levels, widths and the sharing by level or iteration."""
    return st.builds(
        MgNetSpec,
        levels=levels(max_levels, max_nu, max_width),
        share_a=SHARING,
        share_b=SHARING,
        in_channels=st.sampled_from([1, 3, 4]),
        num_classes=st.integers(2, 12),
    )


def _common() -> dict[str, st.SearchStrategy[Any]]:
    return {
        "share_a": ANY_SHARING,
        "share_b": ANY_SHARING,
        "kernel_b": st.sampled_from([1, 3, 5]),
        "groups_b": st.sampled_from([1, 1, 2, 3, 4, 6, "depthwise"]),
        "activation": st.sampled_from(["relu", *ACTIVATIONS]),
        "stem": st.sampled_from(["cifar", "cifar", "imagenet"]),
        "dropout": st.sampled_from([0.0, 0.0, 0.25]),
        "in_channels": st.sampled_from([1, 3, 4]),
        "num_classes": st.integers(2, 12),
    }


@st.composite
def smoothers(draw: st.DrawFn) -> SmootherBase:
    kind = draw(st.sampled_from(list(SMOOTHERS)))
    options = {"weights": draw(st.sampled_from(["learned", "chebyshev"]))} if kind == "two_step" else {}
    return SMOOTHERS[kind].model_validate(options)


@st.composite
def mgnets(
    draw: st.DrawFn, max_levels: int = 3, max_nu: int = 3, max_width: int = 9, min_width: int = 1
) -> MgNetSpec:
    """MgNets with any value of any hyperparameter."""
    smoother = draw(smoothers())
    fields = {key: draw(strategy) for key, strategy in _common().items()}
    fields["interpolation"] = draw(st.sampled_from(["conv", "depthwise", "pool", "zero"]))
    fields["restriction"] = draw(st.sampled_from(["conv", "depthwise", "pool"]))
    fields["levels"] = draw(levels(max_levels, max_nu, max_width, min_width, same_width=smoother.same_width))
    return MgNetSpec.model_validate(fields | {"smoother": smoother})


@st.composite
def resnets(
    draw: st.DrawFn, max_levels: int = 3, max_nu: int = 3, max_width: int = 9, min_width: int = 1
) -> GridSpec:
    """ResNets, with and without pre-activation, with any value of any hyperparameter."""
    spec_type = draw(st.sampled_from([ResNetSpec, PreActResNetSpec]))
    fields = {key: draw(strategy) for key, strategy in _common().items()}
    fields["levels"] = draw(levels(max_levels, max_nu, max_width, min_width))
    fields["block"] = draw(st.sampled_from(["basic", "bottleneck"]))
    fields["stem_channels"] = draw(st.none() | st.integers(min_width, max_width))
    return spec_type.model_validate(fields)


def networks(
    max_levels: int = 3, max_nu: int = 3, max_width: int = 9, min_width: int = 1
) -> st.SearchStrategy[GridSpec]:
    """Networks of every family that comes with mgnas, with any value of any hyperparameter."""
    sizes = (max_levels, max_nu, max_width, min_width)
    return mgnets(*sizes) | resnets(*sizes)
