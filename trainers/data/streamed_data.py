"""Images that do not fit on the device: batches are read ahead of the training and copied there."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from space.core.errors import InvalidInputError
from trainers.data.device_data import DeviceData, windows_of
from trainers.data.epoch_plan import BatchPlan, EpochPlan
from trainers.data.image_store import Images
from trainers.data.splits import SearchData

BATCHES_AHEAD = 2
"""Batches in work or waiting for each reader thread: the default of torch's DataLoader."""

Rows = NDArray[np.int64]


class StreamedData(DeviceData):
    """Images in memory or in files, read ahead by ``num_readers`` threads.

    The batches equal those of ``ResidentData`` bit by bit. Pillow decodes outside the global interpreter lock,
    so threads read while the training computes; docs/experiments/image-readers.md compares them with
    processes. Images in memory need no decoding and no thread.
    """

    def __init__(self, data: SearchData, device: torch.device, num_readers: int = 1) -> None:
        super().__init__(data, device)
        self._num_readers = num_readers if data.is_stored else 0
        self._readers = ThreadPoolExecutor(self._num_readers, "reader") if self._num_readers else None

    def train_windows(self, plan: EpochPlan) -> Iterator[tuple[BatchPlan, Tensor]]:
        """Yield the plan of each batch with its images, uint8 N H W C, shifted and mirrored on the device.

        Raises:
            InvalidInputError: A file cannot be read or is damaged, or no thread can be started.
        """
        batches = self._stream(self.search_data.train.images, plan.whole.rows.numpy(), plan.batch_size)
        for of_batch, images in zip(plan.batches(self.device), batches, strict=True):
            yield of_batch, windows_of(images, of_batch)

    def val_images(self, batch_size: int) -> Iterator[Tensor]:
        """Yield the validation split in order, uint8 N H W C on the device.

        Raises:
            InvalidInputError: A file cannot be read or is damaged, or no thread can be started.
        """
        rows = np.arange(len(self.val_labels), dtype=np.int64)
        yield from self._stream(self.search_data.val.images, rows, batch_size)

    def _stream(self, images: Images, rows: Rows, batch_size: int) -> Iterator[Tensor]:
        """Yield batches on the device; the copy of the next batch starts before the last one is used."""
        parts = [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]
        ahead: Tensor | None = None
        for batch in self._read(lambda part: self._load(images, part), parts):
            moved = batch.to(self.device, non_blocking=True)
            if ahead is not None:
                yield ahead
            ahead = moved
        if ahead is not None:
            yield ahead

    def _load(self, images: Images, rows: Rows) -> Tensor:
        """Return the images of ``rows`` in memory, pinned if a GPU copies them."""
        batch = torch.from_numpy(images[rows])
        if self.device.type != "cuda":
            return batch
        with torch.cuda.device(self.device):  # a thread's own current device is GPU 0
            return batch.pin_memory()

    def _read(self, load: Callable[[Rows], Tensor], parts: Sequence[Rows]) -> Iterator[Tensor]:
        """Yield ``load(part)`` for each part, in order."""
        if self._readers is None:
            yield from map(load, parts)
            return
        waiting = iter(parts)
        pending: deque[Future[Tensor]] = deque()
        try:
            for part in islice(waiting, BATCHES_AHEAD * self._num_readers):
                pending.append(_submit(self._readers, load, part))
            while pending:
                batch = pending.popleft().result()
                for part in islice(waiting, 1):
                    pending.append(_submit(self._readers, load, part))
                yield batch
        finally:  # the training stopped within an epoch, or a file is damaged
            for future in pending:
                future.cancel()


def _submit(readers: ThreadPoolExecutor, load: Callable[[Rows], Tensor], part: Rows) -> Future[Tensor]:
    try:
        return readers.submit(load, part)
    except RuntimeError as error:  # the system limits threads or memory
        raise InvalidInputError(
            f"a thread that reads images cannot be started: {error}; end other programs, or set "
            "data.reader_threads = 0, which needs none"
        ) from None
