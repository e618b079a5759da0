"""ResNets with post- and pre-activation as programs."""

from __future__ import annotations

from space.firmware.program import Added, Operator, Program, Step, Tensor
from space.firmware.stem_and_head import head_steps, image_of, stem_steps
from space.networks.counts import halved
from space.networks.grid_spec import groups_of
from space.networks.resnet import PreActResNetSpec, ResidualSpec
from space.networks.weight_sharing import copies


class ResidualProgram:
    """Collects the steps of one ResNet."""

    def __init__(self, spec: ResidualSpec, image_size: tuple[int, int]) -> None:
        self.spec = spec
        self.is_preact = isinstance(spec, PreActResNetSpec)
        self.copies_a = copies(spec.share_a, spec.slots_a)
        self.copies_b = copies(spec.share_b, spec.slots_b)
        self.owners_a, self.owners_b = spec.owners_a, spec.owners_b
        self.image = image_of(spec, image_size)
        self.steps: list[Step] = []

    def program(self) -> Program:
        """Return the whole program."""
        spec = self.spec
        self.steps += stem_steps(spec, self.image, spec.stem_width, has_norm=not self.is_preact)
        r = self.steps[-1].out
        for index, level in enumerate(spec.levels):
            for block in range(level.nu):
                r = self._block(index, block, r)
        if self.is_preact:
            last = Tensor("last", r.channels, r.size)
            self.steps.append(Step("pointwise", last, y=r, norm="norm_last"))
            r = last
        self.steps += head_steps(spec, r)
        return Program(self.image, tuple(self.steps))

    def _block(self, index: int, block: int, r: Tensor) -> Tensor:
        """Add the steps of a block and return the next r."""
        level, entry = self.spec.levels[index], self.spec.entries[index]
        prefix, name = f"levels.{index}", f"{index + 1}_{block + 1}"
        changes = entry.changes and block == 0
        size = halved(r.size) if changes and entry.stride == 2 else r.size
        x = r
        if self.is_preact:
            x = Tensor(f"x{name}", r.channels, r.size)
            self.steps.append(Step("pointwise", x, y=r, norm=f"{prefix}.norm_f.{block}"))
        t = self._apply_b(index, block, x, Tensor(f"t{name}", level.c_u, size))
        if changes:
            r = Tensor(f"shortcut{name}", level.c_f, size, is_signed=True)
            shortcut = Operator(f"{prefix}.shortcut.weight", entry.in_channels, level.c_f, 1)
            norm = "" if self.is_preact else f"{prefix}.norm_shortcut"
            self.steps.append(Step("conv", r, x, shortcut, stride=entry.stride, norm=norm))
        owner = self.owners_a[index]
        kernel = 3 if self.spec.block == "basic" else 1
        key = f"levels.{owner}.A.{block % self.copies_a[owner]}.weight"
        a = Operator(key, level.c_u, level.c_f, kernel)
        out = Tensor(f"out{name}", level.c_f, size, is_signed=self.is_preact)
        norm = "" if self.is_preact else f"{prefix}.norm_f.{block}"
        self.steps.append(Step("conv", out, t, a, norm=norm, adds=(Added(r),)))
        return out

    def _apply_b(self, index: int, block: int, x: Tensor, t: Tensor) -> Tensor:
        """Add t = sigma(BN(B * x)) and return t."""
        spec, entry, c_u = self.spec, self.spec.entries[index], t.channels
        stride = 1
        if entry.changes and block == 0:
            key, stride = f"levels.{index}.B_first", entry.stride
        else:
            owner = self.owners_b[index]
            key = f"levels.{owner}.B.{(block - entry.changes) % self.copies_b[owner]}"
        norm = f"levels.{index}.norm_u.{block}"
        if spec.block == "bottleneck":
            reduced = Tensor(f"reduced{t.name[1:]}", c_u, x.size)
            reduce = Operator(f"{key}.reduce.weight", x.channels, c_u, 1)
            inner = f"levels.{index}.norm_b.{block}"
            self.steps.append(Step("conv", reduced, x, reduce, norm=inner))
            x, key = reduced, f"{key}.spatial"
        b = Operator(
            f"{key}.weight", x.channels, c_u, spec.kernel_b, groups_of(spec.groups_b, x.channels, c_u)
        )
        self.steps.append(Step("conv", t, x, b, stride=stride, norm=norm))
        return t
