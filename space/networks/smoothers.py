"""The smoothers of MgNet: what the operator B is, and how an iteration makes the next u.

Every iteration corrects u by v = sigma(BN(B * sigma(BN(f - A * u)))). A smoother says here what B is and
what it costs; what it computes is in the class of the same name in ``space.modules.smoothers``. To add one: a
class here and its place in ``Smoother`` and ``SMOOTHERS``; a module there and its place in ``MODULES``.
Notation, search spaces, identities and the tests of all families then know it.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Annotated, ClassVar, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from space.networks import counts
from space.networks.counts import LayerCount


class Place(NamedTuple):
    """Where a smoother works: one level, with what decides its counts.

    ``copies_b`` is the number of operators B that the level brings, ``groups`` that of B's convolution there.
    ``keeps_outputs`` and what it means for memory: see ``GridSpec.keeps_outputs``.
    """

    prefix: str
    nu: int
    c_u: int
    c_f: int
    size: tuple[int, int]
    is_last: bool
    copies_b: int
    kernel: int
    groups: int
    keeps_outputs: bool

    @property
    def pixels(self) -> int:
        """Pixels of the level's grid."""
        return self.size[0] * self.size[1]

    @property
    def input_of_b(self) -> int:
        """Values that B keeps of its inputs, where sigma in front of it has not kept them already."""
        return 0 if self.keeps_outputs else self.nu * self.c_f * self.pixels


class SmootherBase(BaseModel):
    """What all smoothers share; the defaults are those of a convolution B and u <- u + v.

    ``convolves`` says that B is a convolution, with a kernel, groups and a shape; ``same_width`` that
    c_u = c_f must hold; ``extra_a`` how often an iteration applies A besides forming f - A * u.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    convolves: ClassVar[bool] = True
    same_width: ClassVar[bool] = False
    extra_a: ClassVar[int] = 0

    kind: str

    def canonical(self, nus: Sequence[int]) -> SmootherBase:
        """Return the smoother that computes the same on levels of ``nus`` iterations."""
        return self

    def shape_of_b(self, c_u: int, c_f: int) -> Hashable:
        """Return what two levels must have in common to share a B."""
        return (c_f, c_u)

    def layers(self, place: Place) -> list[LayerCount]:
        """Return the layers that B and the iterations add, but for A and the batch norms."""
        return [
            counts.conv2d(
                f"{place.prefix}.B", place.c_f, place.c_u, place.size, kernel=place.kernel,
                groups=place.groups, copies=place.copies_b, uses=place.nu, saved=place.input_of_b,
            )
        ]  # fmt: skip


class Convolution(SmootherBase):
    """u <- u + v with a convolution B (arXiv 1901.10415): the default."""

    kind: Literal["conv"] = "conv"


class Linear(SmootherBase):
    """u <- u + v with B = alpha, a learned scalar: the constant polynomial in A (arXiv 2503.10594)."""

    convolves: ClassVar[bool] = False
    same_width: ClassVar[bool] = True

    kind: Literal["linear"] = "linear"

    def shape_of_b(self, c_u: int, c_f: int) -> Hashable:
        """Scalars fit everywhere."""
        return ()

    def layers(self, place: Place) -> list[LayerCount]:
        """Count alpha."""
        return [_scalars(place, 1, saved=place.input_of_b)]


class Quadratic(SmootherBase):
    """u <- u + v with B = (2a - A) / (a^2 + b^2), a and b learned: B's roots are a + ib and a - ib.

    The residual's polynomial I - A B is of degree two, hence the name (arXiv 2503.10594).
    """

    convolves: ClassVar[bool] = False
    same_width: ClassVar[bool] = True
    extra_a: ClassVar[int] = 1

    kind: Literal["quadratic"] = "quadratic"

    def shape_of_b(self, c_u: int, c_f: int) -> Hashable:
        """Scalars fit everywhere."""
        return ()

    def layers(self, place: Place) -> list[LayerCount]:
        """Count a and b; the product of a scalar with A * r keeps the latter."""
        products = place.nu * place.c_u * place.pixels
        return [_scalars(place, 2, saved=place.input_of_b + products)]


class TwoStep(SmootherBase):
    """A semi-iteration: from the second iteration on, u also depends on the u before the last one.

    u_next <- sigma(u_before + omega * (u + v - u_before)) with a convolution B; the first iteration of a
    level is u <- u + v. The weights omega are Chebyshev's for a spectral radius of 0.9 (``chebyshev``), or
    begin there and are learned, one for each iteration (Golub and Varga 1961; arXiv 1901.10415, section 5).
    """

    kind: Literal["two_step"] = "two_step"
    weights: Literal["learned", "chebyshev"] = "learned"

    def canonical(self, nus: Sequence[int]) -> SmootherBase:
        """Without a second iteration there is no earlier u."""
        return self if max(nus) > 1 else Convolution()

    def layers(self, place: Place) -> list[LayerCount]:
        """Count B and omega; the product with omega keeps a difference, the outer sigma what it must."""
        rows = super().layers(place)
        later = place.nu - 1
        if not later:
            return rows
        features = place.c_u * place.pixels
        is_learned = self.weights == "learned"
        # what a ReLU gives is the next u, which A keeps anyhow, but for the last u of the network
        kept_by_sigma = int(place.is_last) if place.keeps_outputs else later
        saved = features * (kept_by_sigma + later * is_learned)
        out = (place.c_u, *place.size)
        copies = later if is_learned else 0
        return [
            *rows,
            counts.scalars(f"{place.prefix}.omega", 1, out, copies=copies, uses=later, saved=saved),
        ]


def _scalars(place: Place, number: int, saved: int) -> LayerCount:
    out = (place.c_u, *place.size)
    return counts.scalars(f"{place.prefix}.B", number, out, copies=place.copies_b, uses=place.nu, saved=saved)


SMOOTHERS: dict[str, type[SmootherBase]] = {
    "conv": Convolution,
    "linear": Linear,
    "quadratic": Quadratic,
    "two_step": TwoStep,
}
"""Every smoother by its kind."""

Smoother = Annotated[Convolution | Linear | Quadratic | TwoStep, Field(discriminator="kind")]
