"""How a device computes a step: precision, layout, graph, compiler, micro-batches. Not what is trained.

Results differ by rounding, and by the images that a batch norm sees at once where batches are split.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Switch = Literal["auto"] | bool


class ExecutionConfig(BaseModel):
    """The ``[execution]`` section of a study.

    Auto is what a short calibration finds fastest on the device; graphs are used on every GPU.

    ``channels_last`` is the order of values in memory; ``cuda_graph`` records a step once and replays it,
    which takes the cost of launching its many small kernels away; ``compile`` has torch.compile make kernels
    of its own, which takes half a minute for each network and pays in long trainings alone;
    ``cudnn_benchmark`` has cuDNN try out its kernels for each convolution. ``micro_batch``
    is the most images that go through the network at once: the gradients of several add up to a batch's,
    while batch norms see each alone. Auto is the whole batch, or what memory has room for. ``threads`` are
    those of one training on a CPU, of as many as its worker has: small networks are faster with one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    channels_last: Switch = "auto"
    cuda_graph: Switch = "auto"
    compile: bool = False
    cudnn_benchmark: Switch = "auto"
    micro_batch: Annotated[int, Field(ge=1, le=10**9)] | Literal["auto"] = "auto"
    threads: Annotated[int, Field(ge=1, le=1024)] | Literal["auto"] = "auto"


@dataclass(frozen=True)
class StepMode:
    """What an ``ExecutionConfig`` and a recipe's precision come to on one device, for one network.

    ``memory_share`` of the memory that is free belongs to this training; the rest is for other workers.
    What is trained on at once is halved ``halvings`` times, since the system ended processes that did more.
    """

    bfloat16: bool = False
    channels_last: bool = True
    cuda_graph: bool = False
    compile: bool = False
    cudnn_benchmark: bool = False
    micro_batch: int | None = None
    threads: int | None = None
    memory_share: float = 1.0
    halvings: int = 0

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Let torch use the mode's threads (None leaves them) and cuDNN's kernels, and no TensorFloat-32."""
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(self.threads or before)
        try:
            with torch.backends.cudnn.flags(enabled=True, benchmark=self.cudnn_benchmark, allow_tf32=False):
                yield
        finally:
            torch.set_num_threads(before)
