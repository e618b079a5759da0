"""MgNets as programs. Products with u = 0, and an A whose result is cancelled or never read, are left out."""

from __future__ import annotations

from space.firmware.program import MINUS_ONE, Added, Factor, Operator, Program, Step, Tensor
from space.firmware.stem_and_head import head_steps, image_of, stem_steps
from space.networks.counts import halved
from space.networks.grid_spec import groups_of
from space.networks.mgnet import MgNetSpec
from space.networks.smoothers import TwoStep
from space.networks.weight_sharing import copies


class MgNetProgram:
    """Collects the steps of one MgNet."""

    def __init__(self, spec: MgNetSpec, image_size: tuple[int, int]) -> None:
        self.spec = spec
        self.owners_a, self.owners_b = spec.owners_a, spec.owners_b
        self.copies_a = copies(spec.share_a, spec.slots_a)
        self.copies_b = copies(spec.share_b, spec.slots_b)
        self.image = image_of(spec, image_size)
        self.steps: list[Step] = []

    def program(self) -> Program:
        """Return the whole program."""
        spec, last = self.spec, len(self.spec.levels) - 1
        self.steps += stem_steps(spec, self.image, spec.levels[0].c_f, has_norm=True)
        f, u = self.steps[-1].out, None
        for index in range(len(spec.levels)):
            u, f = self._level(index, u, f)
            if index < last:
                u, f = self._transition(index, u, f)
        assert u is not None
        self.steps += head_steps(spec, u)
        return Program(self.image, tuple(self.steps))

    def _level(self, index: int, u: Tensor | None, residual: Tensor) -> tuple[Tensor, Tensor]:
        """Add the steps of a level and return its u and f.

        Args:
            index: The level, from 0.
            u: The first u; None for u = 0.
            residual: f - A * u of the first iteration.
        """
        nu = self.spec.levels[index].nu
        is_last = index == len(self.spec.levels) - 1
        r = self._signal(index, 0, residual, None)
        f = residual
        if u is not None and (nu > 1 or not is_last):
            f = Tensor(f"f{index + 1}", residual.channels, residual.size, is_signed=True)
            a = self._operator_a(index, 0)
            self.steps.append(Step("conv", f, u, a, adds=(Added(residual),)))
        before = u
        u, before = self._smooth(index, 0, r, u, before), u
        for i in range(1, nu):
            r = self._signal(index, i, f, u)
            u, before = self._smooth(index, i, r, u, before), u
        return u, f

    def _signal(self, index: int, i: int, f: Tensor, u: Tensor | None) -> Tensor:
        """Add r = sigma(BN(f - A * u)) and return r. Without u, f is the residual."""
        r = Tensor(f"r{index + 1}_{i + 1}", f.channels, f.size)
        norm = f"levels.{index}.norm_f.{i}"
        if u is None:
            self.steps.append(Step("pointwise", r, y=f, norm=norm))
        else:
            a = self._operator_a(index, i)
            self.steps.append(Step("conv", r, u, a, product=MINUS_ONE, y=f, norm=norm))
        return r

    def _smooth(self, index: int, i: int, r: Tensor, u: Tensor | None, before: Tensor | None) -> Tensor:
        """Add the step from r to the next u, and return it."""
        spec, level = self.spec, self.spec.levels[index]
        step = Step(
            "conv", Tensor(f"u{index + 1}_{i + 1}", level.c_u, r.size), norm=f"levels.{index}.norm_u.{i}"
        )
        owner, copy = self.owners_b[index], i % self.copies_b[self.owners_b[index]]
        key = f"levels.{owner}.B.{copy}"
        if spec.smoother.convolves:
            groups = groups_of(spec.groups_b, level.c_f, level.c_u)
            b = Operator(f"{key}.weight", level.c_f, level.c_u, spec.kernel_b, groups)
            step = step._replace(source=r, operator=b)
        elif spec.smoother.kind == "linear":
            step = step._replace(kind="pointwise", y=r, factor=Factor("alpha", f"{key}.values"))
        else:
            step = step._replace(
                source=r,
                operator=self._operator_a(index, i),
                product=Factor("quadratic_a", f"{key}.values"),
                y=r,
                factor=Factor("quadratic_r", f"{key}.values"),
            )
        self.steps.append(self._added(step, index, i, u, before))
        return step.out

    def _added(self, step: Step, index: int, i: int, u: Tensor | None, before: Tensor | None) -> Step:
        """Return the step with the smoother's additions of u and the previous u."""
        smoother = self.spec.smoother
        if not isinstance(smoother, TwoStep) or i == 0:
            return step if u is None else step._replace(adds=(Added(u),), is_relu=True)
        assert u is not None
        is_learned = smoother.weights == "learned"
        key, number = (f"levels.{index}.smoother.omega", i - 1) if is_learned else ("", i)
        omega = Factor("omega" if is_learned else "chebyshev", key, number)
        adds = [Added(u, omega)]
        if before is not None:
            rest = Factor("rest" if is_learned else "chebyshev_rest", key, number)
            adds.insert(0, Added(before, rest))
        return step._replace(adds=tuple(adds), is_relu=True, scale=omega)

    def _transition(self, index: int, u: Tensor, f: Tensor) -> tuple[Tensor | None, Tensor]:
        """Add the steps to the next level; return its first u and first residual."""
        spec, prefix = self.spec, f"transitions.{index}"
        residual = Tensor(f"residual{index + 1}", f.channels, f.size, is_signed=True)
        a = self._operator_a(index, spec.levels[index].nu - 1)
        self.steps.append(Step("conv", residual, u, a, product=MINUS_ONE, adds=(Added(f),)))
        coarse = spec.levels[index + 1]
        restricted = Tensor(f"restricted{index + 2}", coarse.c_f, halved(f.size))
        self._change(f"{prefix}.R", spec.restriction, residual, restricted, f"{prefix}.norm_f")
        if spec.interpolation == "zero":
            return None, restricted
        interpolated = Tensor(f"u{index + 2}_0", coarse.c_u, halved(f.size))
        self._change(f"{prefix}.Pi", spec.interpolation, u, interpolated, f"{prefix}.norm_u")
        return interpolated, restricted

    def _change(self, key: str, how: str, source: Tensor, out: Tensor, norm: str) -> None:
        """Add the steps of Pi or R."""
        if how != "pool":
            groups = groups_of("depthwise" if how == "depthwise" else 1, source.channels, out.channels)
            operator = Operator(f"{key}.weight", source.channels, out.channels, 3, groups)
            self.steps.append(Step("conv", out, source, operator, stride=2, norm=norm))
        elif source.channels == out.channels:
            self.steps.append(Step("average", out, source, norm=norm))
        else:
            pooled = Tensor(f"pooled_{out.name}", source.channels, out.size, source.is_signed)
            operator = Operator(f"{key}.1.weight", source.channels, out.channels, 1)
            self.steps.append(Step("average", pooled, source))
            self.steps.append(Step("conv", out, pooled, operator, norm=norm))

    def _operator_a(self, index: int, i: int) -> Operator:
        level, owner = self.spec.levels[index], self.owners_a[index]
        key = f"levels.{owner}.A.{i % self.copies_a[owner]}.weight"
        return Operator(key, level.c_u, level.c_f)
