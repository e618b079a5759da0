"""Counts against published figures, against the built network, and against torch's own counter."""

from __future__ import annotations

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from space import Level, MgNetSpec, build, parse_notation
from tests.strategies import specs


@pytest.mark.parametrize(
    ("notation", "params"),
    [
        ("MgNet[2,2,2,2]-256-B^l", 8_278_794),
        ("MgNet[2,2,2,2]-256-B^{l,i}", 10_638_090),
        ("MgNet[2,2,2,2]-128-B^l", 2_075_018),
        ("MgNet[2,2,2,2]-64-B^{l,i}", 668_874),
    ],
)
def test_published_parameter_counts(notation: str, params: int) -> None:
    assert parse_notation(notation).params == params


@settings(deadline=None, max_examples=60)
@given(spec=specs(), height=st.integers(1, 12), width=st.integers(1, 12))
def test_counts_equal_the_built_network(spec: MgNetSpec, height: int, width: int) -> None:
    with torch.device("meta"):
        network = build(spec).eval()
        images = torch.empty(1, spec.in_channels, height, width)
    with FlopCounterMode(display=False) as counter:
        logits = network(images)
    assert logits.shape == (1, spec.num_classes)
    assert spec.params == sum(p.numel() for p in network.parameters())
    assert 2 * spec.macs((height, width)) == counter.get_total_flops()


def without_gradient(spec: MgNetSpec) -> set[str]:
    """The weights on which, by the equations, nothing depends.

    Where A is not shared, the first A of level 1 is only ever applied to u = 0. On the other levels the
    first residual is f - A u with f = sigma(BN(R ...)) + A u: the first A cancels, and comes back in later
    iterations and in the residual that goes to the next level, or never, on a last level of one iteration.
    """
    dead = set()
    if spec.share_a == "iteration" and spec.levels[0].nu > 1:
        dead.add("levels.0.A.0.weight")
    if spec.levels[-1].nu == 1:
        dead.add(f"levels.{len(spec.levels) - 1}.A.0.weight")
    return dead


@settings(deadline=None, max_examples=40, derandomize=True)
@given(spec=specs(max_width=4), seed=st.integers(0, 2**32 - 1))
@example(spec=parse_notation("MgNet[1]-3-B^l"), seed=0)
@example(spec=parse_notation("MgNet[2]-3-B^l"), seed=0)
@example(spec=parse_notation("MgNet[2]-3-A^{l,i}-B^l"), seed=0)
@example(spec=parse_notation("MgNet[1,2]-3-A^{l,i}-B^{l,i}"), seed=0)
@example(spec=parse_notation("MgNet[3,2,1]-3-A^{l,i}-B^{l,i}"), seed=0)
def test_every_parameter_that_matters_gets_a_gradient(spec: MgNetSpec, seed: int) -> None:
    """Others may have little: a scale whose channel is normalised again has what the epsilon leaves it."""
    torch.manual_seed(seed)
    network = build(spec).double()
    for _ in range(2):
        images = torch.randn(6, spec.in_channels, 12, 11, dtype=torch.float64)
        (network(images) ** 2).sum().backward()
    gradients = {name: p.grad for name, p in network.named_parameters()}
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients.values())
    zero = {name for name, gradient in gradients.items() if not gradient.any()}
    assert zero == without_gradient(spec)


@settings(deadline=None, max_examples=20)
@given(spec=specs(max_width=4))
def test_features_are_non_negative(spec: MgNetSpec) -> None:
    network = build(spec).eval()
    assert network.features(torch.randn(3, spec.in_channels, 7, 6)).min() >= 0


@pytest.mark.parametrize("share_a", ["level", "iteration"])
@pytest.mark.parametrize("share_b", ["level", "iteration"])
def test_forward_is_the_equations(share_a: str, share_b: str) -> None:
    """Against a plain loop over the equations of the papers, in float64."""
    torch.manual_seed(0)
    levels = [Level(nu=2, c_u=3, c_f=4), Level(nu=3, c_u=5, c_f=2), Level(nu=1, c_u=4, c_f=4)]
    spec = MgNetSpec.model_validate(
        {"levels": levels, "share_a": share_a, "share_b": share_b, "in_channels": 2, "num_classes": 3}
    )
    network = build(spec).double()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            torch.nn.init.normal_(module.weight)
            torch.nn.init.normal_(module.bias)
    network.eval()
    images = torch.randn(2, 2, 9, 7, dtype=torch.float64)
    torch.testing.assert_close(network(images), plain_mgnet(network, spec, images), rtol=0, atol=1e-10)


def plain_mgnet(network: torch.nn.Module, spec: MgNetSpec, images: torch.Tensor) -> torch.Tensor:
    w = dict(network.state_dict())

    def conv(x: torch.Tensor, name: str, stride: int = 1) -> torch.Tensor:
        return torch.conv2d(x, w[f"{name}.weight"], stride=stride, padding=1)

    def sigma_bn(x: torch.Tensor, name: str) -> torch.Tensor:
        column = {
            key: w[f"{name}.{key}"][None, :, None, None]
            for key in ("weight", "bias", "running_mean", "running_var")
        }
        scaled = (x - column["running_mean"]) / torch.sqrt(column["running_var"] + 1e-5)
        return torch.clamp(scaled * column["weight"] + column["bias"], min=0)

    def name(operator: str, level: int, iteration: int) -> str:
        sharing = spec.share_a if operator == "A" else spec.share_b
        return f"levels.{level}.{operator}.{0 if sharing == 'level' else iteration}"

    f = sigma_bn(conv(images, "stem"), "stem_norm")
    u = torch.zeros(f.shape[0], spec.levels[0].c_u, *f.shape[2:], dtype=f.dtype)
    for j, level in enumerate(spec.levels):
        for i in range(level.nu):
            inner = sigma_bn(f - conv(u, name("A", j, i)), f"levels.{j}.norm_f.{i}")
            u = u + sigma_bn(conv(inner, name("B", j, i)), f"levels.{j}.norm_u.{i}")
        if j + 1 < len(spec.levels):
            residual = f - conv(u, name("A", j, level.nu - 1))
            u = sigma_bn(conv(u, f"transitions.{j}.Pi", 2), f"transitions.{j}.norm_u")
            f = sigma_bn(conv(residual, f"transitions.{j}.R", 2), f"transitions.{j}.norm_f")
            f = f + conv(u, name("A", j + 1, 0))
    return u.mean(dim=(2, 3)) @ w["head.weight"].T + w["head.bias"]


def test_shared_operators_are_one_tensor_in_the_state_dict() -> None:
    spec = parse_notation("MgNet[3,2]-4-B^{l,i}")
    names = build(spec).state_dict().keys()
    assert sum(".A." in name for name in names) == 2
    assert sum(".B." in name for name in names) == 5
