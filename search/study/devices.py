"""The user's devices of a study: their executor, and the trials that they have still to measure."""

from __future__ import annotations

from collections.abc import Iterable

from results.storage.records import TrialRecord
from search.devices.config import DeviceConfig
from search.devices.measurements import FILE, MeasurementFile
from search.executors.base import Executor
from search.study.config import StudyConfig
from search.study.folder import StudyFolder
from search.study.store import StudyStore
from space.networks.counts import as_size


def measured_on_devices(
    executor: Executor, config: StudyConfig, folder: StudyFolder, store: StudyStore
) -> Executor:
    """Return an executor that also has the networks measured on the devices of a study.

    Args:
        executor: The executor that trains.
        config: The configuration, with devices.
        folder: The folder of the study; a certification inside it reads the measurements of its search too.
        store: The trials.
    """
    from search.devices.bench import DeviceBench
    from search.devices.executor import DeviceExecutor

    search = config.search
    measurements = MeasurementFile(folder.path / FILE, folder.path.parent / FILE)
    bench = DeviceBench(search.devices, as_size(store.space.image_size), measurements)
    missing = unmeasured(store.records.values())
    return DeviceExecutor(executor, bench, search.devices, search.max_latency_ms, missing)


def unmeasured(records: Iterable[TrialRecord]) -> list[TrialRecord]:
    """Return the complete trials that no device has measured."""
    return [
        record for record in records if record.state == "complete" and record.network_costs.latency_ms is None
    ]


def device_lines(devices: Iterable[DeviceConfig]) -> list[str]:
    """Return a line for each device: its name and the command that runs on this machine."""
    return [f"latency on {device.name}, measured by: {device.command}" for device in devices]
