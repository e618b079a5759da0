"""Files of trained weights, read without torch: their facts and their checksum.

The format is safetensors. Its metadata have the keys ``format`` (``pt``) and ``mgnas``: JSON with the fields
of ``Trained`` and a checksum.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from space.core.errors import InvalidInputError
from space.networks.load import load_spec
from space.networks.spec import Spec

SHA256 = "sha256"
"""The key of the checksum, beside the fields of ``Trained``. A file may lack it."""
_DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}
"""torch's names of the data types of safetensors."""


class Trained(BaseModel):
    """The facts that a file of weights states about itself.

    Attributes:
        spec: The network's spec as plain data.
        mean: Mean of each channel of pixels scaled to 0..1.
        std: Standard deviation of each channel of pixels scaled to 0..1.
        image_size: Height and width in pixels.
        classes: Names of the classes, in the order of the logits.
        data: Name of the training data.
        seed: Seed of the training.
        epochs: Epochs of the training.
        val_accuracy: Accuracy on the validation split of ``data`` after the last epoch, from 0 to 1.
        test_flip: Whether the logits are averaged over an image and its mirror image.
        finetuned: Epochs of quantisation-aware fine-tuning after the training.
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
    finetuned: int = 0

    def network_spec(self) -> Spec:
        """Return the spec of the network."""
        return load_spec(self.spec)


class StoredTensor(NamedTuple):
    """A tensor as bytes. ``dtype`` is torch's name of the data type, e.g. ``torch.float32``."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    content: Any


def read_trained(path: str | Path) -> tuple[Trained, bytes]:
    """Return the facts of a file of weights, and its content.

    Raises:
        InvalidInputError: The file is missing, not from mgnas, or damaged (wrong checksum).
    """
    from safetensors import SafetensorError, deserialize

    if not Path(path).is_file():
        raise InvalidInputError(f"there is no file of weights {path}")
    try:
        content = Path(path).read_bytes()
        tensors = [
            StoredTensor(name, f"torch.{_DTYPES[kind['dtype']]}", tuple(kind["shape"]), kind["data"])
            for name, kind in deserialize(content)  # type: ignore[no-untyped-call]
        ]
    except (SafetensorError, OSError, KeyError) as error:
        raise InvalidInputError(f"{path} is not a safetensors file or is damaged ({error})") from None
    try:
        length = int.from_bytes(content[:8], "little")
        facts = json.loads(json.loads(content[8 : 8 + length]).get("__metadata__", {}).get("mgnas", ""))
        expected = facts.pop(SHA256, None) if isinstance(facts, dict) else None
        trained = Trained.model_validate_json(json.dumps(facts))
    except (ValueError, RecursionError):
        raise InvalidInputError(
            f"{path} does not say which network it holds: it was not written by mgnas"
        ) from None
    if expected is not None and expected != checksum(facts, tensors):
        raise InvalidInputError(f"{path} is damaged: it is not as it was written")
    return trained, content


def checksum(facts: Mapping[str, Any], tensors: Iterable[StoredTensor]) -> str:
    """Return the SHA-256 over the facts as stored in the file and over all tensors in the order of their names."""
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for tensor in sorted(tensors, key=lambda one: one.name):
        digest.update(f"{tensor.name} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.content)
    return digest.hexdigest()


def with_metadata(content: bytes, metadata: Mapping[str, str]) -> bytes:
    """Return a safetensors file with ``metadata`` in the given order; safetensors does not keep the order."""
    length = int.from_bytes(content[:8], "little")
    tensors = json.loads(content[8 : 8 + length])
    header = json.dumps({"__metadata__": dict(metadata), **tensors}, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + content[8 + length :]
