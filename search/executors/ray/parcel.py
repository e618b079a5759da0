"""The images for nodes that lack them: packed once, in a thread, and kept in Ray's object store."""

from __future__ import annotations

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from search.executors.ray.image_files import Contents, contents_of, list_files, packed
from search.executors.ray.slot import RaySlot
from trainers.data.config import DataConfig


class Parcel:
    """The image files of a study in Ray's object store. Ray fetches each chunk once for each node.

    Args:
        config: The ``[data]`` section.

    Attributes:
        wanted_by: The slots that wait for the images.
    """

    def __init__(self, config: DataConfig) -> None:
        self._config = config
        self._packing: Future[tuple[Contents, list[Any]]] | None = None
        self._thread = ThreadPoolExecutor(max_workers=1)
        self.wanted_by: list[RaySlot] = []

    def send(self) -> None:
        """Send the images to the slots that wait, once they are packed; the first of them starts the packing.

        Raises:
            OSError: An image file cannot be read.
        """
        if not self.wanted_by:
            return
        if self._packing is None:
            self._packing = self._thread.submit(_pack, self._config)
        if self._packing.done():
            contents, chunks = self._packing.result()
            while self.wanted_by:
                self.wanted_by.pop().open_with(contents, chunks)

    def close(self) -> None:
        """Forget the images; Ray frees them."""
        self.wanted_by.clear()
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._packing = None


def _pack(config: DataConfig) -> tuple[Contents, list[Any]]:
    import ray

    files = list_files(config)
    chunks, digests = [], []
    for chunk in packed(files):
        digests.append(hashlib.sha256(chunk).hexdigest())
        chunks.append(ray.put(chunk))
    return contents_of(files, digests), chunks
