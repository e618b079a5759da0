"""The ``[search]`` section of a study: budget, objectives, sampler, scheduler and machine."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from results.storage.objectives import CostName
from search.devices.config import DeviceConfig
from search.samplers.optuna import SamplerName
from search.schedulers.base import SchedulerName
from space.core.errors import shown

SearchMetric = Literal["float_accuracy", "int8_accuracy"]


class SearchConfig(BaseModel):
    """Budget, objectives, sampler and scheduler: the ``[search]`` section of a study.

    ``trials``, ``hours`` and ``epochs`` are totals over all runs of the study. Limits of exact costs are in
    ``[space]``; the limits here are of measured costs. The default scheduler is freeze_thaw with the sampler
    frontier, and fifo with other samplers.

    Rungs are counted back from the last epoch: each has 1/``reduction`` of the epochs of the next one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    trials: int = Field(default=48, ge=1, le=10**7, description="Total of trials over all runs.")
    hours: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Total search time in hours over all runs; unset: no limit.",
    )
    epochs: int | None = Field(
        default=None, ge=1, description="Total of epochs over all trainings; unset: no limit."
    )
    patience: int | None = Field(
        default=None,
        ge=1,
        description="Trials in a row without progress that end the search: hypervolume below +0.001, accuracy"
        " below +0.1 points; unset: no limit.",
    )
    warm_start: str | None = Field(
        default=None,
        min_length=1,
        description="Folder of an earlier study from which the frontier sampler learns.",
    )
    costs: tuple[CostName, ...] = Field(
        default=("params",),
        min_length=1,
        max_length=3,
        description="Objectives to minimise, one to three of params, macs, activation_mib, flash_kib,"
        " sram_kib, latency_ms, energy_j.",
    )
    metric: SearchMetric = Field(
        default="float_accuracy",
        description="Validation accuracy to maximise: float_accuracy, or int8_accuracy, that of the quantised"
        " network.",
    )
    max_latency_ms: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Limit of the latency of one image in ms, measured before the training; unset: no limit.",
    )
    max_energy_j: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Limit of the energy of one training in J, on NVIDIA GPUs; unset: no limit.",
    )
    sampler: SamplerName = Field(
        default="frontier", description="Algorithm that proposes networks: frontier, or a sampler of Optuna."
    )
    scheduler: SchedulerName = Field(
        default="freeze_thaw",
        description="Algorithm that allocates epochs to trials; freeze_thaw requires frontier.",
    )
    reduction: int = Field(
        default=3, ge=2, le=100, description="Reduction factor between the epochs of two rungs."
    )
    first_rung: int = Field(default=1, ge=1, description="Smallest number of epochs at a rung.")
    seed: int = Field(default=0, ge=0, lt=2**63, description="Seed from which all random choices derive.")
    workers: Annotated[int, Field(ge=1, le=1024)] | Literal["auto"] = Field(
        default="auto",
        description="Parallel trainings; auto: one for each GPU, or for each CPU core without GPUs.",
    )
    trials_per_gpu: Annotated[float, Field(gt=0, le=64)] | Literal["auto"] = Field(
        default=1.0,
        description="Parallel trainings for each GPU if workers is auto; a fraction leaves GPUs free; auto: measured"
        " once for each study.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="Device of the trainings; auto: CUDA if available."
    )
    devices: tuple[DeviceConfig, ...] = Field(
        default=(),
        description="Tables [[search.devices]] with name, command, format and timeout_s: the command measures each"
        " network on a device of yours; latency_ms is that of the first one.",
    )
    executor: Literal["local", "ray"] = Field(
        default="local",
        description="What runs the trainings: processes of this machine, or Ray on a cluster.",
    )
    address: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="Address of the Ray cluster: HOST:PORT of its head, or auto; unset: Ray starts on this machine.",
    )
    keep_weights: Literal["front", "all"] = Field(
        default="front", description="Trained weights to keep: those of the front, or all."
    )
    max_silence_s: float = Field(
        default=120.0,
        ge=10,
        le=86_400,
        description="Seconds without a heartbeat after which a worker is replaced; its trial resumes.",
    )
    stall_epochs: int = Field(
        default=20,
        ge=2,
        le=10_000,
        description="A worker is replaced too if its training makes no step for this many times its longest epoch"
        " and for max_silence_s.",
    )
    storage: str = Field(
        default="sqlite",
        description="Database: sqlite (study.db in the folder) or postgresql+psycopg://HOST/DATABASE, without a"
        " password.",
    )

    @field_validator("storage")
    @classmethod
    def _names_a_database(cls, storage: str) -> str:
        if storage == "sqlite":
            return storage
        from results.storage.postgresql import checked_url

        return checked_url(storage)

    @field_validator("devices", mode="before")
    @classmethod
    def _devices_may_be_a_list(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @field_validator("devices")
    @classmethod
    def _devices_have_different_names(cls, devices: tuple[DeviceConfig, ...]) -> tuple[DeviceConfig, ...]:
        names = [device.name for device in devices]
        if len(set(names)) < len(names):
            raise ValueError(f"devices must have different names, but got {shown(', '.join(names))}")
        return devices

    @field_validator("costs", mode="before")
    @classmethod
    def _may_be_a_list(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(word.strip() for word in value.split(","))
        return tuple(value) if isinstance(value, list) else value

    @field_validator("costs")
    @classmethod
    def _are_different(cls, costs: tuple[CostName, ...]) -> tuple[CostName, ...]:
        if len(set(costs)) < len(costs):
            raise ValueError(f"each cost is named once, but got {shown(', '.join(costs))}")
        return costs

    @field_validator("address", mode="before")
    @classmethod
    def _empty_is_unset(cls, address: Any) -> Any:
        return None if address == "" else address

    @model_validator(mode="after")
    def _address_is_of_ray(self) -> Self:
        if self.address is not None and self.executor != "ray":
            raise ValueError(
                f"search.address is the address of a Ray cluster and requires search.executor = 'ray', but got "
                f"{self.executor!r}; unset it (search.address=)"
            )
        if self.address is not None and "://" in self.address:
            raise ValueError(
                f"search.address must be auto or HOST:PORT, but got {shown(self.address)}; run this command on a "
                "node of the cluster"
            )
        return self

    @model_validator(mode="after")
    def _packing_is_measured_here(self) -> Self:
        if self.trials_per_gpu == "auto" and self.executor != "local":
            raise ValueError(
                "search.trials_per_gpu = 'auto' measures a GPU of this machine; give a number for "
                f"search.executor = {self.executor!r}"
            )
        return self

    @model_validator(mode="before")
    @classmethod
    def _schedulers_suit_samplers(cls, data: Any) -> Any:
        """Without a scheduler, choose the one that suits the sampler."""
        if not isinstance(data, dict) or data.get("scheduler", "auto") != "auto":
            return data
        return data | {
            "scheduler": "freeze_thaw" if data.get("sampler", "frontier") == "frontier" else "fifo"
        }

    @property
    def measured_limits(self) -> dict[str, float]:
        """The limits on what is measured, by the name of the cost."""
        limits = {"latency_ms": self.max_latency_ms, "energy_j": self.max_energy_j}
        return {name: limit for name, limit in limits.items() if limit is not None}
