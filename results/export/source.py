"""The network to export: its spec, and the file of weights where there is one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from space.core.errors import MgnasError
from space.networks.spec import Spec
from space.networks.weights_file import Trained, read_trained

if TYPE_CHECKING:
    from space.modules import Classifier


class ExportError(MgnasError):
    """A network cannot be exported, or its export computes different logits."""


@dataclass(frozen=True)
class Source:
    """The network to export and its file of weights; the format ``spec`` needs no weights.

    Attributes:
        spec: The network.
        path: Its weights.
        plugins: Copies of the files that register the network's family, in the export.
    """

    spec: Spec
    path: Path | None = None
    plugins: tuple[str, ...] = ()

    @cached_property
    def weights(self) -> tuple[Trained, bytes]:
        """The metadata and the content of the file of weights, checked.

        Raises:
            InvalidInputError: The file is missing or damaged.
        """
        assert self.path is not None
        return read_trained(self.path)

    @property
    def trained(self) -> Trained:
        """The metadata of the file of weights."""
        return self.weights[0]

    @cached_property
    def classifier(self) -> Classifier:
        """The trained network in evaluation mode; the first use imports torch."""
        from space.modules import Classifier

        assert self.path is not None
        return Classifier.load(self.path)
