"""The smoothers of MgNet as specs: the operator B and the layers that an iteration adds.

Every iteration computes the correction v = sigma(BN(B * sigma(BN(f - A * u)))). A smoother defines B and the
next u from u and v.

To add a smoother ``mine``:

1. Here, derive a class from ``SmootherBase`` with the field ``kind: Literal["mine"] = "mine"``. Its other
   fields are hyperparameters; give each a default.
2. Set the class attributes that differ: ``convolves = False`` if B is no convolution, ``same_width = True``
   if c_u = c_f must hold, ``extra_a`` for further applications of A per iteration.
3. Override ``layers`` to count what B adds (``space.networks.counts`` has a function for each operator), and
   ``shape_of_b`` if B's shape is not (c_f, c_u). Override ``canonical`` if a hyperparameter may have no
   effect.
4. Add the class to ``SMOOTHERS`` and to the union ``Smoother`` at the end of this file.
5. Write its module of the same name in ``space/modules/smoothers.py``, whose docstring says what it needs.
6. Write its equation once more in ``tests/support/plain_networks.py``, the independent reference of the tests.

Notation, search spaces and identities then include it. ``tests/space/networks/test_families.py`` draws it at
random and compares its counts and outputs with the built network.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Annotated, ClassVar, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from space.networks import counts
from space.networks.counts import LayerCount


class Place(NamedTuple):
    """The level in which a smoother is counted.

    Attributes:
        prefix: First part of the layers' names, ``level1``, ``level2``, ...
        nu: Smoothing iterations.
        c_u: Channels of u.
        c_f: Channels of f.
        size: Height and width of the grid in pixels.
        is_last: Whether this is the last level, J.
        copies_b: Operators B that this level stores; 0 if it uses those of an earlier level.
        kernel: Kernel size of a convolution B.
        groups: Groups of a convolution B.
        keeps_outputs: See ``GridSpec.keeps_outputs``.
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
        """The number of pixels of the grid."""
        return self.size[0] * self.size[1]

    @property
    def input_of_b(self) -> int:
        """Float32 values that B keeps of its inputs; 0 where the sigma before it has kept them."""
        return 0 if self.keeps_outputs else self.nu * self.c_f * self.pixels


class SmootherBase(BaseModel):
    """The base class of all smoothers; the defaults describe a convolution B and u <- u + v.

    Attributes:
        convolves: Whether B is a convolution, with a kernel, groups and a shape.
        same_width: Whether c_u = c_f must hold.
        extra_a: Applications of A per iteration besides the one in f - A * u.
        kind: The name in the notation and in study files.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    convolves: ClassVar[bool] = True
    same_width: ClassVar[bool] = False
    extra_a: ClassVar[int] = 0

    kind: str

    def canonical(self, nus: Sequence[int]) -> SmootherBase:
        """Return the canonical smoother with the same effect on levels with ``nus`` iterations."""
        return self

    def shape_of_b(self, c_u: int, c_f: int) -> Hashable:
        """Return the shape of B; levels of equal shape may share one."""
        return (c_f, c_u)

    def layers(self, place: Place) -> list[LayerCount]:
        """Return the counts of B and of the iterations, without A and the batch norms."""
        return [
            counts.conv2d(
                f"{place.prefix}.B", place.c_f, place.c_u, place.size, kernel=place.kernel,
                groups=place.groups, copies=place.copies_b, uses=place.nu, saved=place.input_of_b,
            )
        ]  # fmt: skip


class Convolution(SmootherBase):
    """u <- u + v with a convolution B (arXiv 1901.10415). This is the default."""

    kind: Literal["conv"] = "conv"


class Linear(SmootherBase):
    """u <- u + v with B = alpha, a learned scalar: the constant polynomial in A (arXiv 2503.10594)."""

    convolves: ClassVar[bool] = False
    same_width: ClassVar[bool] = True

    kind: Literal["linear"] = "linear"

    def shape_of_b(self, c_u: int, c_f: int) -> Hashable:
        """Return the empty shape: levels of any widths may share alpha."""
        return ()

    def layers(self, place: Place) -> list[LayerCount]:
        """Return the count of alpha."""
        return [_scalars(place, 1, saved=place.input_of_b)]


class Quadratic(SmootherBase):
    """u <- u + v with B = (2a - A) / (a^2 + b^2); a and b are learned, and the roots of I - A B are a + ib and a
    - ib.

    The polynomial I - A B of the residual has degree two (arXiv 2503.10594).
    """

    convolves: ClassVar[bool] = False
    same_width: ClassVar[bool] = True
    extra_a: ClassVar[int] = 1

    kind: Literal["quadratic"] = "quadratic"

    def shape_of_b(self, c_u: int, c_f: int) -> Hashable:
        """Return the empty shape: levels of any widths may share a and b."""
        return ()

    def layers(self, place: Place) -> list[LayerCount]:
        """Return the count of a and b. The product of a scalar with A * r keeps A * r."""
        products = place.nu * place.c_u * place.pixels
        return [_scalars(place, 2, saved=place.input_of_b + products)]


class TwoStep(SmootherBase):
    """A semi-iteration: from the second iteration of a level on, u also depends on the previous u.

    u_next <- sigma(u_prev + omega * (u + v - u_prev)) with a convolution B. The first iteration of a level is
    u <- u + v. With ``chebyshev``, omega are the Chebyshev weights for spectral radius 0.9. With ``learned``,
    these are the initial values; each iteration learns its own omega (Golub and Varga 1961; arXiv 1901.10415,
    section 5).
    """

    kind: Literal["two_step"] = "two_step"
    weights: Literal["learned", "chebyshev"] = "learned"

    def canonical(self, nus: Sequence[int]) -> SmootherBase:
        """Return ``Convolution`` if no level has a second iteration."""
        return self if max(nus) > 1 else Convolution()

    def layers(self, place: Place) -> list[LayerCount]:
        """Return the counts of B and omega. The product with omega keeps a difference, and the outer sigma its
        own tensor.
        """
        rows = super().layers(place)
        later = place.nu - 1
        if not later:
            return rows
        features = place.c_u * place.pixels
        is_learned = self.weights == "learned"
        # the output of a ReLU is the next u, which A keeps in any case, except for the last u of the network
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
"""All smoothers by ``kind``."""

Smoother = Annotated[Convolution | Linear | Quadratic | TwoStep, Field(discriminator="kind")]
