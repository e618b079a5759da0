"""The C functions of a network: one for each variant of a step that it uses."""

from __future__ import annotations

from importlib import resources
from string import Template
from typing import NamedTuple

from space.firmware.quantise import WINDOW_SCALE, IntegerStep

C_TYPES = {False: "uint8_t", True: "int8_t"}
LIMITS = {False: ("0", "255"), True: ("-127", "127")}


class Variant(NamedTuple):
    """What differs between the C functions of steps.

    Attributes:
        kind: The kind of the step.
        source: Whether the source is signed; None without one.
        is_grouped: Whether a convolution has groups.
        is_padded: Whether pixels outside the image have values.
        has_a: Whether op has multipliers.
        y: Whether y is signed; None without y.
        has_b: Whether there are biases.
        sigma: ``relu``, ``negative`` or empty.
        adds: Whether each added tensor is signed.
        out: Whether the output is signed.
    """

    kind: str
    source: bool | None
    is_grouped: bool
    is_padded: bool
    has_a: bool
    y: bool | None
    has_b: bool
    sigma: str
    adds: tuple[bool, ...]
    out: bool

    @classmethod
    def of(cls, one: IntegerStep) -> Variant:
        """Return the variant of a step."""
        step = one.step
        return cls(
            kind=step.kind,
            source=None if step.source is None else step.source.is_signed,
            is_grouped=step.operator is not None and step.operator.groups > 1,
            is_padded=one.padding is not None,
            has_a=one.multipliers is not None and step.kind != "mean",
            y=None if step.y is None else step.y.is_signed,
            has_b=one.biases is not None,
            sigma=("negative" if one.is_negative else "relu") if step.is_relu else "",
            adds=tuple(add.tensor.is_signed for add in step.adds),
            out=step.out.is_signed,
        )

    @property
    def patch(self) -> PatchVariant:
        """The variant of the function that collects the patch."""
        return PatchVariant(bool(self.source), self.is_grouped, self.is_padded)

    def parameters(self) -> str:
        """Return the parameters of the C function."""
        tensors = [(self.source, "x"), (self.y, "y")]
        tensors += [(is_signed, f"z{index}") for index, is_signed in enumerate(self.adds)]
        listed = [f"const {C_TYPES[s]} *{name}" for s, name in tensors if s is not None]
        out = "int32_t" if self.kind == "head" else C_TYPES[self.out]
        return ", ".join(["const layer *c", *listed, f"{out} *out"])

    def tables(self) -> list[str]:
        """Return the C lines that name the tables of the step, in their order."""
        lines, begin = [], "tables + c->table"
        present = (("a", self.has_a), ("e", self.y is not None), ("b", self.has_b))
        for letter, is_present in present:
            if is_present:
                lines.append(f"const int32_t *const {letter} = {begin};")
                begin = f"{letter} + c->outputs"
        single = 1 if self.kind == "mean" else len(self.adds)
        if single:
            lines.append(f"const int32_t *const m = {begin};")
        return lines

    def total(self, operand: str) -> list[str]:
        """Return the C lines that compute the output ``out[index]`` of one channel from the result of op."""
        terms = []
        if self.kind == "mean":
            terms.append(f"(int64_t){operand} * m[0]")
        if self.has_a:
            terms.append(f"(int64_t){operand} * a[channel]")
        if self.y is not None:
            terms.append("(int64_t)y[index] * e[channel]")
        if self.has_b:
            terms.append("unit * b[channel]")
        lines = [f"int64_t total = {' + '.join(terms)};"]
        if self.sigma:
            lines.append(f"if (total {'>' if self.sigma == 'negative' else '<'} 0)")
            lines.append("    total = 0;")
        lines += [f"total += (int64_t)z{i}[index] * m[{i}];" for i in range(len(self.adds))]
        lines.append("total = (total + half) >> c->shift;")
        if self.kind == "head":
            low, high, kind = "-INT32_MAX", "INT32_MAX", "int32_t"
        else:
            (low, high), kind = LIMITS[self.out], C_TYPES[self.out]
        lines.append(f"out[index] = ({kind})(total < {low} ? {low} : total > {high} ? {high} : total);")
        return lines

    def begin(self) -> list[str]:
        """Return the C lines at the begin of the function: its tables and units."""
        lines = [*self.tables(), "const int64_t half = (int64_t)1 << (c->shift - 1);"]
        return [*lines, "const int64_t unit = (int64_t)1 << c->unit;"] if self.has_b else lines


class PatchVariant(NamedTuple):
    """What differs between the functions that collect the inputs of one output pixel."""

    is_signed: bool
    is_grouped: bool
    is_padded: bool

    @property
    def name(self) -> str:
        """The name of the C function."""
        name = "collect_signed" if self.is_signed else "collect"
        return name + "_groups" * self.is_grouped + "_image" * self.is_padded

    @property
    def template(self) -> str:
        """The template of the C function."""
        return "collect_groups" if self.is_grouped else "collect"


def fragment(file_name: str, /, **values: str) -> str:
    """Return C code from ``templates``; the name of a fragment has no suffix."""
    name = file_name if "." in file_name else f"{file_name}.c"
    file = resources.files("results.export.firmware") / "templates" / name
    return Template(file.read_text(encoding="utf-8")).substitute(values)


def collect_function(variant: PatchVariant) -> str:
    """Return the C function that collects a patch."""
    outside = "mean_pixel[channel]" if variant.is_padded else "0"
    return fragment(variant.template, name=variant.name, type=C_TYPES[variant.is_signed], outside=outside)


def step_function(variant: Variant, name: str) -> str:
    """Return the C function of a variant."""
    if variant.kind in ("max", "average") and not variant.has_a:
        low = "INT8_MIN" if variant.source else "0"
        body = {"max": "maximum", "average": "average_only"}[variant.kind]
        return fragment(body, name=name, type=C_TYPES[variant.out], low=low, scale=str(WINDOW_SCALE))
    operand = {"conv": "sums[k]", "head": "sums[k]", "average": "sum", "mean": "sum"}.get(variant.kind, "0")
    indent = "\n" + " " * {"conv": 20, "head": 12, "average": 16, "mean": 8, "pointwise": 12}[variant.kind]
    return fragment(
        variant.kind,
        name=name,
        parameters=variant.parameters(),
        begin="\n    ".join(variant.begin()),
        collect=variant.patch.name,
        total=indent.join(variant.total(operand)),
        scale=str(WINDOW_SCALE),
    )
