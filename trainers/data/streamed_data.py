"""Images that do not fit on the device: brought there batch by batch, read ahead of the training."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, get_worker_info

from space.core.errors import InvalidInputError, MgnasError
from space.core.system_errors import explain_system_error
from trainers.data.device_data import DeviceData, windows_of
from trainers.data.epoch_plan import BatchPlan, EpochPlan
from trainers.data.image_store import Images
from trainers.data.splits import SearchData

Key = tuple[str, "np.ndarray[Any, np.dtype[np.int64]]"]
"""Part (train or val) and rows of a batch."""


GONE = ("exited unexpectedly", "killed by signal")
"""In the text of torch's error about a process that reads and is no more."""


class LoaderLostError(MgnasError):
    """A process that reads images has ended before its time."""


@dataclass(frozen=True)
class _Pixels:
    """Images uint8 N H W C that come through a pipe from a process that reads them.

    Tensors come through shared memory, of which containers may have no more than 64 MiB.
    """

    array: NDArray[np.uint8]

    def pin_memory(self) -> Tensor:
        """Return them where they are copied from to a GPU; torch's loader calls this ahead of time."""
        return torch.from_numpy(self.array).pin_memory()


class _Parts(Dataset[Tensor | _Pixels]):
    """Batches by their key."""

    def __init__(self, data: SearchData) -> None:
        self._images: dict[str, Images] = {"train": data.train.images, "val": data.val.images}

    def __getitem__(self, key: Key) -> Tensor | _Pixels:
        part, rows = key
        array = self._images[part][rows]
        images = torch.from_numpy(array)
        if get_worker_info() is None:
            return images
        try:
            # torch would do it on the way out, where nobody hears of an error and all wait without end
            images.share_memory_()
        except (RuntimeError, OSError):
            return _Pixels(array)
        return images


def _unchanged(batch: Any) -> Any:
    """Return a batch as it is: torch would make tensors of arrays."""
    return batch


def _end_with_driver(_number: int) -> None:
    """Let a process that reads end when the one that trains is gone, however that ended.

    torch waits for the parent process, which is a server of processes that lives as long as any of them.
    """
    driver = multiprocessing.parent_process()
    assert driver is not None

    def wait() -> None:
        driver.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


class _Wanted(Sampler[Key]):
    """The batches that are wanted next; set before each pass."""

    def __init__(self) -> None:
        self.keys: Sequence[Key] = ()

    def __iter__(self) -> Iterator[Key]:
        return iter(self.keys)

    def __len__(self) -> int:
        return len(self.keys)


class StreamedData(DeviceData):
    """Images in the machine's memory or in files, read ahead by ``num_workers`` processes.

    Batches are the same as those of ``ResidentData``, to the bit. With no processes they are read between
    the steps, as arrays in memory always are: there is nothing to decode, and a process would copy them.
    """

    def __init__(self, data: SearchData, device: torch.device, num_workers: int = 1) -> None:
        super().__init__(data, device)
        if not data.is_stored:
            num_workers = 0
        self._wanted = _Wanted()
        self._loader: DataLoader[Tensor | _Pixels] = DataLoader(
            _Parts(data),
            batch_size=None,
            sampler=self._wanted,
            num_workers=num_workers,
            collate_fn=_unchanged,
            worker_init_fn=_end_with_driver,
            pin_memory=device.type == "cuda",
            generator=torch.Generator(),  # else each pass draws from the one that dropout draws from
            persistent_workers=num_workers > 0,
            # a process of threads, as a worker is, must not be forked
            multiprocessing_context="forkserver" if num_workers else None,
        )

    def train_windows(self, plan: EpochPlan) -> Iterator[tuple[BatchPlan, Tensor]]:
        """Yield each batch's plan and its images, which are shifted and mirrored on the device."""
        rows = plan.whole.rows.numpy()
        size = plan.batch_size
        keys = [("train", rows[start : start + size]) for start in range(0, len(rows), size)]
        for of_batch, images in zip(plan.batches(self.device), self._stream(keys), strict=True):
            yield of_batch, windows_of(images, of_batch)

    def val_images(self, batch_size: int) -> Iterator[Tensor]:
        """Yield the validation split as it is read."""
        rows = np.arange(len(self.val_labels), dtype=np.int64)
        keys = [("val", rows[start : start + batch_size]) for start in range(0, len(rows), batch_size)]
        yield from self._stream(keys)

    def _stream(self, keys: Sequence[Key]) -> Iterator[Tensor]:
        """Yield batches on the device, each copied there before the one ahead of it is asked for."""
        self._wanted.keys = keys
        ahead: Tensor | None = None
        for images in self._read():
            moved = images.to(self.device, non_blocking=True)
            if ahead is not None:
                yield ahead
            ahead = moved
        if ahead is not None:
            yield ahead

    def _read(self) -> Iterator[Tensor]:
        try:
            batches = iter(self._loader)
        except OSError as error:  # no place for locks or sockets
            raise InvalidInputError(
                f"processes that read images cannot be started: {explain_system_error(error)}, or set "
                "data.loader_workers = 0, which needs none"
            ) from None
        try:
            for batch in batches:
                yield batch if isinstance(batch, Tensor) else torch.from_numpy(batch.array)
        except InvalidInputError as error:  # from another process, its whole traceback is in the text
            name = f"{InvalidInputError.__module__}.{InvalidInputError.__name__}: "
            raise InvalidInputError(str(error).strip().rpartition(name)[2]) from None
        except (RuntimeError, OSError, EOFError) as error:
            # in the middle of a batch, its sockets are what breaks first
            is_gone = any(sign in str(error) for sign in GONE) or not isinstance(error, RuntimeError)
            if not is_gone or not self._loader.num_workers:
                raise
            raise LoaderLostError(
                "a process that reads images was killed, perhaps for want of memory; run the same command "
                "again to go on, with less of them (data.loader_workers) if need be"
            ) from None
