"""How a device computes a step: precision, memory order, graph, compiler, micro-batches.

Results differ by rounding, and by the images that a batch norm sees at once with micro-batches.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Switch = Literal["auto"] | bool


class ExecutionConfig(BaseModel):
    """How a device computes a step: the ``[execution]`` section of a study.

    A short calibration of the device sets the values ``auto``. Results differ by rounding only, except with
    ``micro_batch``: a batch norm sees one micro-batch at a time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    channels_last: Switch = Field(
        default="auto", description="Memory order N H W C; auto: the faster order, as calibrated."
    )
    cuda_graph: Switch = Field(
        default="auto",
        description="Whether a step is recorded once and launched as one CUDA graph; auto: on every GPU.",
    )
    compile: bool = Field(
        default=False,
        description="Whether torch.compile compiles each network, in about 30 s; pays in long trainings.",
    )
    cudnn_benchmark: Switch = Field(
        default="auto",
        description="Whether cuDNN selects its kernels by measurement; auto: the faster choice, as calibrated.",
    )
    micro_batch: Annotated[int, Field(ge=1, le=10**9)] | Literal["auto"] = Field(
        default="auto",
        description="Images of one forward pass; auto: the whole batch, or as many as fit in memory.",
    )
    threads: Annotated[int, Field(ge=1, le=1024)] | Literal["auto"] = Field(
        default="auto", description="CPU threads of one training; auto: the fastest number, as calibrated."
    )


@dataclass(frozen=True)
class StepMode:
    """The settings of an ``ExecutionConfig`` and a recipe's precision, resolved for one device and one network.

    Attributes:
        bfloat16: Whether the forward pass uses bfloat16 autocast.
        channels_last: Whether tensors have the memory order N H W C.
        cuda_graph: Whether steps are recorded as a CUDA graph.
        compile: Whether torch.compile compiles the network.
        cudnn_benchmark: Whether cuDNN selects kernels by measurement.
        micro_batch: Images of one forward pass; None: the whole batch.
        threads: CPU threads; None: torch's current number.
        memory_share: Fraction of the device's memory that belongs to this training.
        micro_batch_halvings: How often the micro-batch is halved, after workers were killed for their memory.
    """

    bfloat16: bool = False
    channels_last: bool = True
    cuda_graph: bool = False
    compile: bool = False
    cudnn_benchmark: bool = False
    micro_batch: int | None = None
    threads: int | None = None
    memory_share: float = 1.0
    micro_batch_halvings: int = 0

    def images_at_once(self, batch_size: int) -> int:
        """Return the images of one forward pass for batches of ``batch_size`` images."""
        return min(self.micro_batch or batch_size, batch_size)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Set torch's threads and cuDNN's flags, without TensorFloat-32; restore them at the end."""
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(self.threads or before)
        try:
            with torch.backends.cudnn.flags(enabled=True, benchmark=self.cudnn_benchmark, allow_tf32=False):
                yield
        finally:
            torch.set_num_threads(before)
