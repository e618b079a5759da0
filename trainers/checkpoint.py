"""Checkpoints of a training in files that are complete or absent.

A file consists of a magic line, the SHA-256 of the rest, and safetensors. Nothing is unpickled. The previous
checkpoint is kept beside it, in case the last one is damaged.
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
from space.core.errors import reason_of

if TYPE_CHECKING:
    from torch import Tensor

MAGIC = b"mgnas checkpoint 1\n"
SYNC_EVERY_S = 20.0
_DIGEST_BYTES = hashlib.sha256().digest_size
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingState:
    """All that is needed to resume a training.

    Attributes:
        tensors: Tensors on the CPU by name.
        facts: Everything else as plain data.
    """

    tensors: dict[str, Tensor]
    facts: dict[str, Any]


class CheckpointFile:
    """The checkpoint of one training. The file of another training counts as none.

    Args:
        path: The file.
        identity: The identity of network, images, recipe and seed.
    """

    def __init__(self, path: str | Path, identity: str) -> None:
        self.path = Path(path)
        self.previous = _previous(self.path)
        self.identity = identity
        self._synced_s = time.monotonic()

    def write(self, state: TrainingState) -> None:
        """Write ``state`` and keep the previous checkpoint. An error leaves both files intact.

        A sync is slow, so it happens every ``SYNC_EVERY_S`` only. The checksum detects a file that a power
        cut has torn.

        Raises:
            OSError: The file cannot be written.
        """
        import safetensors.torch

        # not its parents: a study's folder that was moved is not made again
        self.path.parent.mkdir(exist_ok=True)
        facts = json.dumps({"identity": self.identity, **state.facts})
        payload = safetensors.torch.save(state.tensors, metadata={"mgnas": facts})
        content = b"".join((MAGIC, hashlib.sha256(payload).digest(), payload))
        sync = time.monotonic() - self._synced_s > SYNC_EVERY_S
        write_atomic(self.path, content, keep_as=self.previous, sync=sync)
        if sync:
            self._synced_s = time.monotonic()

    def read(self) -> TrainingState | None:
        """Return the newest intact state of this training, or None.

        Raises:
            OSError: A file exists but cannot be read.
        """
        for path in (self.path, self.previous):
            try:
                state = _parse(path.read_bytes())
            except FileNotFoundError:
                continue
            except ValueError as error:
                _logger.warning("%s cannot be used (%s)", path, error)
                path.unlink(missing_ok=True)  # the next write would replace the intact one by it
                continue
            if state.facts.pop("identity", None) == self.identity:
                return state
            _logger.warning("%s belongs to another training", path)
        return None

    def remove(self) -> None:
        """Delete the checkpoint and the previous one."""
        remove_checkpoint(self.path)


def intact_content(path: Path) -> bytes | None:
    """Return the bytes of the newest intact checkpoint at ``path``, for another machine; None if there is none.

    Raises:
        OSError: A file exists but cannot be read.
    """
    for file in (path, _previous(path)):
        try:
            content = file.read_bytes()
        except FileNotFoundError:
            continue
        if _is_intact(content):
            return content
    return None


def store_content(path: Path, content: bytes) -> None:
    """Write the bytes of a checkpoint from another machine, and keep the previous checkpoint if it is intact.

    Raises:
        OSError: The file cannot be written.
        ValueError: The bytes are no intact checkpoint.
    """
    if not _is_intact(content):
        raise ValueError("a checkpoint arrived damaged: its checksum is wrong")
    path.parent.mkdir(exist_ok=True)  # not its parents, as above
    is_kept = path.exists() and _is_intact(path.read_bytes())
    write_atomic(path, content, keep_as=_previous(path) if is_kept else None)


def remove_checkpoint(path: Path) -> None:
    """Delete the checkpoint at ``path`` and the previous one."""
    for file in (path, _previous(path)):
        file.unlink(missing_ok=True)


def _previous(path: Path) -> Path:
    return path.with_name(f"{path.name}.previous")


def _is_intact(content: bytes) -> bool:
    digest, payload = _digest_and_payload(content)
    return content.startswith(MAGIC) and hashlib.sha256(payload).digest() == digest


def _digest_and_payload(content: bytes) -> tuple[bytes, bytes]:
    start = len(MAGIC) + _DIGEST_BYTES
    return content[len(MAGIC) : start], content[start:]


def _parse(content: bytes) -> TrainingState:
    if not content.startswith(MAGIC):
        raise ValueError("it is no checkpoint of mgnas")
    if not _is_intact(content):
        raise ValueError("it is torn or damaged: its checksum is wrong")
    import safetensors.torch
    from safetensors import SafetensorError

    _, payload = _digest_and_payload(content)
    try:
        length = int.from_bytes(payload[:8], "little")
        metadata = json.loads(payload[8 : 8 + length])["__metadata__"]
        return TrainingState(safetensors.torch.load(payload), dict(json.loads(metadata["mgnas"])))
    except (SafetensorError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"its content is not that of a checkpoint: {reason_of(error)}") from None
