"""A training on disk, in the middle of it: whole or not there, and never silently wrong.

A file is a first line, the SHA-256 of what follows, and a safetensors file: nothing is ever unpickled.
Beside it lies the one before, in case the last cannot be read.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from space.core.atomic_files import write_atomic

if TYPE_CHECKING:
    from torch import Tensor

MAGIC = b"mgnas checkpoint 1\n"
SYNC_EVERY_S = 20.0
_DIGEST_BYTES = hashlib.sha256().digest_size
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingState:
    """Everything that a training needs to go on: tensors on the CPU by name, and the rest as plain data."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any]


class CheckpointFile:
    """The checkpoint of one training; ``identity`` is that of network, recipe, seed and data.

    A file of another training is treated like none at all.
    """

    def __init__(self, path: str | Path, identity: str) -> None:
        self.path = Path(path)
        self.previous = _previous(self.path)
        self.identity = identity
        self._synced_s = time.monotonic()

    def write(self, state: TrainingState) -> None:
        """Write ``state``, keeping the one before; OSError goes to the caller, with both files intact.

        It is forced to the disk every SYNC_EVERY_S only, for that is slow: a power cut that tears a file is
        found by the checksum.
        """
        import safetensors.torch

        facts = json.dumps({"identity": self.identity, **state.facts})
        payload = safetensors.torch.save(state.tensors, metadata={"mgnas": facts})
        content = b"".join((MAGIC, hashlib.sha256(payload).digest(), payload))
        sync = time.monotonic() - self._synced_s > SYNC_EVERY_S
        write_atomic(self.path, content, keep_as=self.previous, sync=sync)
        if sync:
            self._synced_s = time.monotonic()

    def read(self) -> TrainingState | None:
        """Return the newest state that is whole and this training's, or None.

        OSError, which says nothing of what is in a file, goes to the caller.
        """
        for path in (self.path, self.previous):
            try:
                state = _parse(path.read_bytes())
            except FileNotFoundError:
                continue
            except ValueError as error:
                _logger.warning("%s cannot be used (%s)", path, error)
                path.unlink(missing_ok=True)  # or the next write would put it in the place of the good one
                continue
            if state.facts.pop("identity", None) == self.identity:
                return state
            _logger.warning("%s belongs to another training", path)
        return None

    def remove(self) -> None:
        """Delete the checkpoint and the one before."""
        remove_checkpoint(self.path)


def remove_checkpoint(path: Path) -> None:
    """Delete the checkpoint at ``path``, and the one before it."""
    for file in (path, _previous(path)):
        file.unlink(missing_ok=True)


def _previous(path: Path) -> Path:
    return path.with_name(f"{path.name}.previous")


def _parse(content: bytes) -> TrainingState:
    if not content.startswith(MAGIC):
        raise ValueError("it is no checkpoint of mgnas")
    start = len(MAGIC) + _DIGEST_BYTES
    digest, payload = content[len(MAGIC) : start], content[start:]
    if hashlib.sha256(payload).digest() != digest:
        raise ValueError("it is torn or damaged: its checksum is wrong")
    import safetensors.torch

    length = int.from_bytes(payload[:8], "little")
    metadata = json.loads(payload[8 : 8 + length])["__metadata__"]
    return TrainingState(safetensors.torch.load(payload), json.loads(metadata["mgnas"]))
