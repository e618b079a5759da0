"""The columns of DataFrames: the type ``Column``, and the columns of a study's front, trials and learning curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Dtype = Literal["int64", "Int64", "float64", "bool", "boolean", "string"]
"""The pandas dtypes of columns. A missing value is NaN in ``float64``, and ``pd.NA`` in ``Int64``, ``boolean`` and
``string``; the other dtypes have no missing values. They are the same in pandas 2.2 and 3, and for empty frames."""


@dataclass(frozen=True)
class Column:
    """A column of a DataFrame; ``meaning`` includes the unit."""

    name: str
    dtype: Dtype
    meaning: str


TRIAL = Column("trial", "int64", "number of the trial")
NOTATION = Column("notation", "string", "network in canonical notation")
VAL_ACCURACY = Column("val_accuracy", "float64", "validation accuracy, 0 to 1; missing without a result")

POINT = (
    TRIAL,
    Column("arch", "string", "identity of the network"),
    NOTATION,
    Column("params", "int64", "parameters"),
    Column("macs", "int64", "MACs of one image"),
    VAL_ACCURACY,
    Column("epochs", "int64", "trained epochs"),
    Column("seed", "int64", "seed of the training"),
    Column("float_accuracy", "float64", "validation accuracy of the float network, 0 to 1"),
    Column(
        "int8_accuracy", "float64", "validation accuracy of the int8 network, 0 to 1; missing where unknown"
    ),
)
"""The columns of a point of the front; they lead ``front`` and ``trials``."""
FACTS = (
    Column("reference", "string", "name of the reference network; missing for trials of the search"),
    Column("state", "string", "running, paused, complete, failed or stopped"),
    Column("on_front", "bool", "whether the trial is on the Pareto front"),
    Column("reason", "string", "why the trial failed or was stopped"),
    Column("started_s", "float64", "start on the study's clock, s"),
    Column("finished_s", "float64", "end on the study's clock, s; missing before it"),
    Column("train_s", "float64", "wall time of the training, s"),
)
NETWORK_COSTS = (
    Column("activation_mib", "float64", "activation memory of a training step, MiB; not of inference"),
    Column("flash_kib", "float64", "constants of the int8 C code, KiB"),
    Column("sram_kib", "float64", "static memory of the int8 C code for one image, KiB"),
    Column("latency_ms", "float64", "median latency of one image, ms"),
    Column("latency_p95_ms", "float64", "95th percentile of the latency of one image, ms"),
    Column("latency_batch", "Int64", "images of the large batch"),
    Column("latency_batch_ms", "float64", "median latency of the large batch, ms"),
    Column("latency_batch_p95_ms", "float64", "95th percentile of the latency of the large batch, ms"),
)
TRAINING_COSTS = (
    Column("images_per_s", "float64", "median of the epochs, images/s"),
    Column("epoch_s", "float64", "median wall time of an epoch, s"),
    Column("first_step_s", "float64", "time to the end of the first step, s"),
    Column("peak_memory_mib", "float64", "peak memory of the GPU, or of the process on a CPU, MiB"),
    Column("macs_per_s", "float64", "MACs of training steps, 1/s"),
    Column("training_pflop", "float64", "operations of all training steps, 10^15"),
    Column("peak_fraction", "float64", "fraction of the device's peak throughput, 0 to 1"),
    Column("energy_j", "float64", "energy of the GPU during the training, J"),
    Column("micro_batch", "Int64", "images at once; missing for the whole batch"),
)
TRIALS = (*POINT, *FACTS, *NETWORK_COSTS, *TRAINING_COSTS)
CURVES = (
    TRIAL,
    Column("epoch", "int64", "epoch, from 1"),
    Column("train_loss", "float64", "mean training loss, nats per image"),
    Column("val_loss", "float64", "mean validation loss, nats per image"),
    VAL_ACCURACY,
    Column("seconds", "float64", "wall time of the epoch with its evaluation, s"),
)
