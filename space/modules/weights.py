"""Trained weights on disk: one safetensors file with the network's spec and its input format.

Such a file holds tensors and JSON only. Nothing is unpickled.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Self

import safetensors.torch
import torch
from torch import Tensor, nn

from space.core.atomic_files import write_atomic
from space.core.errors import InvalidInputError
from space.modules.build import build
from space.networks.load import load_spec
from space.networks.weights_file import SHA256, StoredTensor, Trained, checksum, read_trained, with_metadata

__all__ = ["Classifier", "Trained", "load_weights", "save_weights"]


WEIGHTS_FILE = "model.safetensors"
"""The file of weights in an export."""


class Classifier(nn.Module):
    """A trained network with its normalisation.

    It maps float32 images N C H W with pixels from 0 to 1 to logits N K.

    ``mgnas predict`` also reads image files, and needs no torch.

    Example:
        >>> classifier = mgnas.Classifier.load("exports/best")
        >>> classifier.predict(torch.zeros(2, 1, 8, 8, dtype=torch.uint8))
        ['0', '0']
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, trained: Trained) -> None:
        super().__init__()
        self.network = network
        self.trained = trained
        shape = (1, len(trained.mean), 1, 1)
        self.register_buffer("mean", torch.tensor(trained.mean).reshape(shape), persistent=False)
        self.register_buffer("std", torch.tensor(trained.std).reshape(shape), persistent=False)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Load a classifier from an export, in evaluation mode.

        Args:
            path: The folder of an export, or its safetensors file.

        Raises:
            InvalidInputError: The file is missing, damaged, or not from mgnas.
        """
        path = Path(path)
        if path.is_dir():
            path /= WEIGHTS_FILE
        trained, weights = load_weights(path)
        network = build(load_spec(trained.spec, source=str(path)))
        try:
            network.load_state_dict(weights)
        except RuntimeError:
            raise InvalidInputError(f"{path}: the weights do not fit the network it names") from None
        return cls(network, trained).eval()

    def forward(self, images: Tensor) -> Tensor:
        """Return logits N K for images N C H W, float32, with pixels from 0 to 1."""
        normalised = (images - self.mean) / self.std
        logits: Tensor = self.network(normalised)
        if self.trained.test_flip:
            logits = (logits + self.network(normalised.flip(3))) / 2
        return logits

    @torch.inference_mode()
    def probabilities(self, images: Tensor) -> Tensor:
        """Return the probabilities N K of the classes.

        Args:
            images: N C H W, uint8 (0 to 255) or float32 (0 to 1).
        """
        scaled = images.float() / 255 if images.dtype == torch.uint8 else images
        probabilities: Tensor = self(scaled).softmax(dim=1)
        return probabilities

    @torch.inference_mode()
    def predict(self, images: Tensor) -> list[str]:
        """Return the class name of each image.

        Args:
            images: N C H W, uint8 (0 to 255) or float32 (0 to 1).
        """
        return [self.trained.classes[index] for index in self.probabilities(images).argmax(dim=1).tolist()]


def save_weights(path: str | Path, network: nn.Module, trained: Trained) -> Path:
    """Write the network's state dict, the facts ``trained`` and a checksum to one file, atomically.

    Raises:
        OSError: The file cannot be written.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    facts = trained.model_dump(mode="json")
    stored = (
        StoredTensor(name, str(t.dtype), tuple(t.shape), t.reshape(-1).view(torch.uint8).numpy().data)
        for name, t in tensors.items()
    )
    text = json.dumps(facts | {SHA256: checksum(facts, stored)})
    content = safetensors.torch.save(tensors)
    return write_atomic(path, with_metadata(content, {"format": "pt", "mgnas": text}))


def load_weights(path: str | Path) -> tuple[Trained, dict[str, Tensor]]:
    """Return the facts of a file of weights, and its tensors on the CPU.

    Raises:
        InvalidInputError: The file is missing, not from mgnas, or damaged (wrong checksum).
    """
    trained, content = read_trained(path)
    return trained, safetensors.torch.load(content)
