"""The network to export: its spec, and the file of weights where there is one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from space.core.errors import MgnasError
from space.networks.spec import Spec
from space.networks.weights_file import Trained, read_trained

if TYPE_CHECKING:
    from results.export.finetuning import Finetuning
    from results.export.sample import Sample
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
        load_sample: Loads the images to compare with.
        finetuning: The fine-tuning that gave the weights; None for those of the training.
    """

    spec: Spec
    path: Path | None = None
    plugins: tuple[str, ...] = ()
    load_sample: Callable[[Trained], Sample] | None = None
    finetuning: Finetuning | None = None

    @cached_property
    def weights(self) -> tuple[Trained, bytes]:
        """The metadata and the content of the file of weights, checked.

        Raises:
            InvalidInputError: The file is missing or damaged.
        """
        assert self.path is not None
        return read_trained(self.path)

    @cached_property
    def sample(self) -> Sample:
        """The images to compare the formats with; loaded once."""
        assert self.load_sample is not None
        return self.load_sample(self.trained)

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
