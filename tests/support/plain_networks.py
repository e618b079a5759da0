"""The networks once more, as plain loops over the equations, with the weights of a state dict.

Nothing of ``space.modules`` is used: the equations are those of docs/explanation/mathematics.md.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from space.networks.grid_spec import GridSpec
from space.networks.mgnet import MgNetSpec
from space.networks.resnet import PreActResNetSpec, ResidualSpec

SLOPE = 0.01


def sigma(x: Tensor, name: str) -> Tensor:
    """The activations by their formulas."""
    if name == "relu":
        return x.clamp(min=0)
    if name == "leaky_relu":
        return torch.where(x > 0, x, SLOPE * x)
    if name == "silu":
        return x / (1 + torch.exp(-x))
    if name == "gelu":
        return x * (1 + torch.erf(x / math.sqrt(2))) / 2
    assert name == "hardswish"
    return x * (x + 3).clamp(0, 6) / 6


class Plain:
    """A network in evaluation mode: ``logits`` maps images N C H W to N K."""

    def __init__(self, spec: GridSpec, weights: dict[str, Tensor]) -> None:
        self.spec = spec
        self.w = weights

    def conv(self, x: Tensor, name: str, stride: int = 1) -> Tensor:
        weight = self.w[f"{name}.weight"]
        groups = x.shape[1] // weight.shape[1]
        return torch.conv2d(x, weight, stride=stride, padding=weight.shape[2] // 2, groups=groups)

    def bn(self, x: Tensor, name: str) -> Tensor:
        weight, bias, mean, var = (
            self.w[f"{name}.{key}"][None, :, None, None]
            for key in ("weight", "bias", "running_mean", "running_var")
        )
        return (x - mean) / torch.sqrt(var + 1e-5) * weight + bias

    def act(self, x: Tensor) -> Tensor:
        return sigma(x, self.spec.activation)

    def sigma_bn(self, x: Tensor, name: str) -> Tensor:
        return self.act(self.bn(x, name))

    def stem(self, images: Tensor, *, norm: bool) -> Tensor:
        large = self.spec.stem == "imagenet"
        x = self.conv(images, "stem", 2 if large else 1)
        x = self.sigma_bn(x, "stem_norm") if norm else x
        return torch.max_pool2d(x, 3, 2, 1) if large else x

    def name(self, operator: str, level: int, iteration: int, first_own: bool = False) -> str:
        """Where the operator of an iteration stands: see docs/explanation/mathematics.md."""
        sharing = self.spec.share_a if operator == "A" else self.spec.share_b
        place = iteration - 1 if first_own else iteration
        if sharing == "iteration":
            return f"levels.{level}.{operator}.{place}"
        if sharing == "level":
            return f"levels.{level}.{operator}.0"
        shape = self.shape(operator, level)
        first = next(
            j for j in range(level + 1) if self.has(operator, j) and self.shape(operator, j) == shape
        )
        return f"levels.{first}.{operator}.0"

    def shape(self, operator: str, level: int) -> Any:
        one = self.spec.levels[level]
        if operator == "B" and isinstance(self.spec, MgNetSpec) and not self.spec.smoother.convolves:
            return ()
        return one.c_u, one.c_f

    def has(self, operator: str, level: int) -> bool:
        return True

    def features(self, images: Tensor) -> Tensor:
        raise AssertionError

    def logits(self, images: Tensor) -> Tensor:
        pooled = self.features(images).mean(dim=(2, 3))
        return pooled @ self.w["head.weight"].T + self.w["head.bias"]


class PlainMgNet(Plain):
    spec: MgNetSpec

    def features(self, images: Tensor) -> Tensor:
        spec = self.spec
        f = self.stem(images, norm=True)
        u = torch.zeros(f.shape[0], spec.levels[0].c_u, *f.shape[2:], dtype=f.dtype)
        for j, level in enumerate(spec.levels):
            u = self.smooth(j, u, f)
            if j + 1 == len(spec.levels):
                break
            residual = f - self.conv(u, self.name("A", j, level.nu - 1))
            f = self.sigma_bn(
                self.change(residual, spec.restriction, f"transitions.{j}.R"), f"transitions.{j}.norm_f"
            )
            if spec.interpolation == "zero":
                u = torch.zeros(f.shape[0], spec.levels[j + 1].c_u, *f.shape[2:], dtype=f.dtype)
            else:
                u = self.change(u, spec.interpolation, f"transitions.{j}.Pi")
                u = self.sigma_bn(u, f"transitions.{j}.norm_u")
                f = f + self.conv(u, self.name("A", j + 1, 0))
        return u

    def change(self, x: Tensor, how: str, name: str) -> Tensor:
        if how != "pool":
            return self.conv(x, name, 2)
        ones = torch.ones_like(x[:1, :1])
        kernel = torch.ones(1, 1, 3, 3, dtype=x.dtype)
        sums = torch.conv2d(x.flatten(0, 1)[:, None], kernel, stride=2, padding=1)
        means = sums.unflatten(0, x.shape[:2]).squeeze(2) / torch.conv2d(ones, kernel, stride=2, padding=1)
        return self.conv(means, f"{name}.1") if f"{name}.1.weight" in self.w else means

    def smooth(self, j: int, u: Tensor, f: Tensor) -> Tensor:
        kind = self.spec.smoother.kind
        history = [u]
        omega = 1.0
        for i in range(self.spec.levels[j].nu):
            a, b = self.name("A", j, i), self.name("B", j, i)
            r = self.sigma_bn(f - self.conv(u, a), f"levels.{j}.norm_f.{i}")
            if kind == "linear":
                r = self.w[f"{b}.values"][0] * r
            elif kind == "quadratic":
                x, y = self.w[f"{b}.values"]
                r = (2 * x * r - self.conv(r, a)) / (x * x + y * y)
            else:
                r = self.conv(r, b)
            v = self.sigma_bn(r, f"levels.{j}.norm_u.{i}")
            if kind == "two_step" and i > 0:
                if self.spec.smoother.weights == "learned":
                    weight = self.w[f"levels.{j}.smoother.omega"][i - 1]
                else:
                    omega = 1 / (1 - 0.81 / 2) if i == 1 else 1 / (1 - 0.81 * omega / 4)
                    weight = omega
                u = self.act(weight * (u + v) + (1 - weight) * history[-2])
            else:
                u = u + v
            history.append(u)
        return u


class PlainResNet(Plain):
    spec: ResidualSpec

    def has(self, operator: str, level: int) -> bool:
        return operator == "A" or self.spec.levels[level].nu > self.changes(level)

    def changes(self, level: int) -> bool:
        width = self.spec.stem_channels or self.spec.levels[0].c_f
        return level > 0 or width != self.spec.levels[0].c_f

    def b(self, x: Tensor, j: int, i: int, stride: int) -> Tensor:
        own = self.changes(j)
        name = f"levels.{j}.B_first" if own and i == 0 else self.name("B", j, i, own)
        if self.spec.block == "basic":
            return self.conv(x, name, stride)
        x = self.sigma_bn(self.conv(x, f"{name}.reduce"), f"levels.{j}.norm_b.{i}")
        return self.conv(x, f"{name}.spatial", stride)

    def features(self, images: Tensor) -> Tensor:
        preact = isinstance(self.spec, PreActResNetSpec)
        r = self.stem(images, norm=not preact)
        for j, level in enumerate(self.spec.levels):
            for i in range(level.nu):
                stride = 2 if j > 0 and i == 0 else 1
                x = self.sigma_bn(r, f"levels.{j}.norm_f.{i}") if preact else r
                inner = self.sigma_bn(self.b(x, j, i, stride), f"levels.{j}.norm_u.{i}")
                step = self.conv(inner, self.name("A", j, i))
                if i == 0 and self.changes(j):
                    r = self.conv(x, f"levels.{j}.shortcut", stride)
                    r = r if preact else self.bn(r, f"levels.{j}.norm_shortcut")
                r = r + step if preact else self.act(r + self.bn(step, f"levels.{j}.norm_f.{i}"))
        return self.sigma_bn(r, "norm_last") if preact else r


def plain_network(spec: GridSpec, network: torch.nn.Module) -> Plain:
    """The plain network of a canonical spec with the weights of the built one."""
    kind = PlainMgNet if isinstance(spec, MgNetSpec) else PlainResNet
    return kind(spec, dict(network.state_dict()))
