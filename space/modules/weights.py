"""Trained weights on disk: one safetensors file that also says which network it is and what it expects.

Nothing is ever unpickled: tensors and JSON are all that such a file can hold.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from space.errors import InvalidInputError
from space.files import write_atomic
from space.modules.build import build
from space.reading import load_spec
from space.spec import Spec

SHA256 = "sha256"
"""What a file says of its own contents, beside the fields of ``Trained``; files of before say nothing."""


class Trained(BaseModel):
    """What a file of weights says about itself.

    ``mean`` and ``std`` are per channel, of pixels scaled to 0..1; images are H x W = ``image_size``.
    ``val_accuracy`` (0..1) was measured on the validation split of ``data`` after ``epochs`` epochs, with
    ``test_flip`` from the logits of each image and its mirror image.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    spec: dict[str, Any]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    image_size: tuple[int, int]
    classes: tuple[str, ...]
    data: str
    seed: int
    epochs: int
    val_accuracy: float
    test_flip: bool = False

    def network_spec(self) -> Spec:
        """Return the spec of the network."""
        return load_spec(self.spec)


class Classifier(nn.Module):
    """A trained network with its normalisation in front: images 0..1, N C H W, to logits N K."""

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
        """Return the classifier in a safetensors file written by ``save_weights``, in evaluation mode.

        Raises:
            InvalidInputError: the file is missing, damaged or not from mgnas, or does not fit its spec.
        """
        trained, weights = load_weights(path)
        network = build(load_spec(trained.spec, source=str(path)))
        try:
            network.load_state_dict(weights)
        except RuntimeError:
            raise InvalidInputError(f"{path}: the weights do not fit the network it names") from None
        return cls(network, trained).eval()

    def forward(self, images: Tensor) -> Tensor:
        """Return logits N K for float32 images N C H W with pixels from 0 to 1."""
        normalised = (images - self.mean) / self.std
        logits: Tensor = self.network(normalised)
        if self.trained.test_flip:
            logits = (logits + self.network(normalised.flip(3))) / 2
        return logits

    @torch.inference_mode()
    def predict(self, images: Tensor) -> list[str]:
        """Return the class name of each image; uint8 pixels (0..255) are scaled to 0..1 first."""
        scaled = images.float() / 255 if images.dtype == torch.uint8 else images
        return [self.trained.classes[index] for index in self(scaled).argmax(dim=1).tolist()]


def save_weights(path: str | Path, network: nn.Module, trained: Trained) -> Path:
    """Write the network's state dict and ``trained`` to one file, atomically; OSError goes to the caller.

    With them goes their checksum, which ``load_weights`` checks.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    facts = trained.model_dump(mode="json")
    text = json.dumps(facts | {SHA256: _checksum(facts, tensors)})
    return write_atomic(path, safetensors.torch.save(tensors, metadata={"mgnas": text}))


def load_weights(path: str | Path) -> tuple[Trained, dict[str, Tensor]]:
    """Return what a file of weights says about itself, and its tensors on the CPU.

    Raises:
        InvalidInputError: the file is missing, damaged (its checksum tells), or not from mgnas.
    """
    if not Path(path).is_file():
        raise InvalidInputError(f"there is no file of weights {path}")
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            names = list(file.keys())
            tensors = {name: file.get_tensor(name) for name in names}
        facts = json.loads(metadata.get("mgnas", ""))
        checksum = facts.pop(SHA256, None) if isinstance(facts, dict) else None
        trained = Trained.model_validate_json(json.dumps(facts))
    except (SafetensorError, OSError) as error:
        raise InvalidInputError(f"{path} is not a safetensors file or is damaged ({error})") from None
    except (ValueError, RecursionError):
        raise InvalidInputError(
            f"{path} does not say which network it holds: it was not written by mgnas"
        ) from None
    if checksum is not None and checksum != _checksum(facts, tensors):
        raise InvalidInputError(f"{path} is damaged: it is not as it was written")
    return trained, tensors


def _checksum(facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of what a file of weights holds, its facts as they are written there."""
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
