"""The trials of a running study in memory, and all changes that a driver makes to them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any, NamedTuple

from results.storage.records import NetworkCosts, StudyHeader, TrialRecord
from search.executors.messages import BatchLatency
from search.samplers.base import Proposal
from search.schedulers.base import StartNamed
from search.study.config import StudyConfig
from space.core.reports import EpochReport, TrainingCosts
from space.domains import Value
from space.firmware.programs import device_costs, why_no_program
from space.limits import KIB
from space.networks.load import read_spec
from space.networks.spec import Spec
from space.search_space import SearchSpace


class Outcome(NamedTuple):
    """The result of a training besides its reports; ``TrialRecord`` describes each field."""

    train_s: float
    costs: TrainingCosts | None = None
    latency: BatchLatency | None = None
    class_accuracies: tuple[float | None, ...] = ()
    int8_accuracy: float | None = None


def weights_path(record: TrialRecord) -> str:
    """Return the weights file of a trial, relative to the study's folder."""
    return f"checkpoints/{record.arch}-s{record.seed}.safetensors"


def checkpoint_path(record: TrialRecord) -> str:
    """Return the checkpoint file of a training, relative to the study's folder."""
    return f"checkpoints/{record.arch}-s{record.seed}.checkpoint"


class Trials:
    """The trials of a study in memory. ``StudyStore`` also records them; simulations do not.

    Attributes:
        records: Each trial by its number.
        curves: The epochs of each trial in order.
        kills_for_memory: How often the out-of-memory killer ended a worker of each trial.
        last_losses: How each trial lost its last worker.
    """

    def __init__(
        self,
        header: StudyHeader,
        space: SearchSpace,
        records: Iterable[TrialRecord] = (),
        curves: Mapping[int, list[EpochReport]] | None = None,
    ) -> None:
        self.header = header
        self.records = {record.number: record for record in records}
        self._trials_of: defaultdict[str, list[int]] = defaultdict(list)
        for record in self.records.values():
            self._trials_of[record.arch].append(record.number)
        self.curves = {trial: list(reports) for trial, reports in (curves or {}).items()}
        self.kills_for_memory: Counter[int] = Counter()
        self.last_losses: dict[int, str] = {}
        self.space = space

    @property
    def searched(self) -> list[TrialRecord]:
        """The trials of the search, without the references."""
        return [record for record in self.records.values() if record.reference is None]

    @property
    def num_ended(self) -> int:
        """The number of complete, failed and stopped trials of the search."""
        return sum(record.has_ended for record in self.searched)

    @property
    def interrupted(self) -> list[int]:
        """The trials that were running when an earlier run ended."""
        return [record.number for record in self.records.values() if record.state == "running"]

    def missing(self, config: StudyConfig) -> list[StartNamed]:
        """Return the trainings of the plan and the references that have no trial."""
        named = [StartNamed(training.network, training.seed) for training in config.trainings]
        named += [StartNamed(name, is_reference=True) for name in config.references]
        known = {(record.notation, record.seed) for record in self.searched}
        references = {record.reference for record in self.records.values()}
        return [
            one
            for one in named
            if (one.network not in references if one.is_reference else (one.network, one.seed) not in known)
        ]

    def errors(self, trial: int) -> list[float]:
        """Return a trial's error (1 - accuracy) after each of its epochs so far."""
        return [1.0 - report.val_accuracy for report in self.curves.get(trial, ())]

    # -- changes ---------------------------------------------------------------------------------------

    def write_header(self, header: StudyHeader) -> None:
        """Replace the study's header."""
        self.header = header

    def start(self, proposal: Proposal, seed: int, max_epochs: int, clock_s: float) -> TrialRecord:
        """Record a new trial as running and return it."""
        record = self._new_record(proposal.spec, proposal.training, seed, max_epochs, clock_s)
        record = replace(
            record,
            hyperparameters=proposal.hyperparameters,
            sampler_attrs=proposal.sampler_attrs,
        )
        self._begin(record)
        return record

    def start_named(self, named: StartNamed, seed: int, max_epochs: int, clock_s: float) -> TrialRecord:
        """Record a new trial that trains a named network on the study's images, and return it.

        Keys of the recipe that the space fixes hold for it too; those it searches do not. A plan may have keys
        of the recipe for this network.
        """
        spec = read_spec(
            named.network, in_channels=self.space.in_channels, num_classes=self.space.num_classes
        ).canonical()
        recipes = (self.header.config.get("plan") or {}).get("recipes", {})
        training = self.space.fixed_training() | recipes.get(spec.notation, {})
        record = self._new_record(spec, training, seed, max_epochs, clock_s)
        record = replace(record, reference=named.network if named.is_reference else None)
        self._begin(record)
        return record

    def _new_record(
        self, spec: Spec, training: dict[str, Value], seed: int, max_epochs: int, clock_s: float
    ) -> TrialRecord:
        counts = self.space.counts(spec, training)
        return TrialRecord(
            number=len(self.records),
            arch=spec.arch,
            notation=spec.notation,
            spec=spec.to_dict(),
            hyperparameters={},
            training=training,
            params=counts.params,
            macs=counts.macs,
            seed=seed,
            max_epochs=max_epochs,
            started_s=clock_s,
            network_costs=self._network_costs(spec, training, self.space.activation_mib(counts)),
        )

    def _network_costs(self, spec: Spec, training: dict[str, Value], activation_mib: float) -> NetworkCosts:
        """Return the known costs of a network. Equal networks for images of one size have the latency that was
        measured first.
        """
        found = NetworkCosts(activation_mib=activation_mib)
        size = self.space.image_size_of(training)
        if why_no_program(spec) is None:
            device = device_costs(spec, size)
            found = replace(found, flash_kib=device.flash_bytes / KIB, sram_kib=device.sram_bytes / KIB)
        for number in self._trials_of.get(spec.arch, ()):
            if self.space.image_size_of(self.records[number].training) == size:
                found = found.completed(self.records[number].network_costs)
        return found

    def report(self, trial: int, report: EpochReport, clock_s: float) -> None:
        """Record one epoch of a running trial."""
        curve = self.curves.setdefault(trial, [])
        del curve[report.epoch - 1 :]  # an epoch may come again, after a damaged checkpoint
        curve.append(report)
        self.records[trial] = replace(self.records[trial], epochs=report.epoch)

    def measure(self, trial: int, latency_ms: float, clock_s: float) -> TrialRecord:
        """Record the latency of a trial's network, and return the trial."""
        record = self.records[trial]
        costs = replace(record.network_costs, latency_ms=latency_ms)
        return self._change(replace(record, network_costs=costs), "measure", clock_s)

    def predict(self, trial: int, epoch_s: float, clock_s: float) -> None:
        """Record how long calibration expects an epoch of a trial to take."""

    def restart(self, trial: int, clock_s: float) -> TrialRecord:
        """Record that a trial resumes, and return it."""
        record = self.records[trial]
        event = "promote" if record.state == "paused" else "restart"
        attempts = record.attempts + (record.state != "paused")
        return self._change(replace(record, state="running", attempts=attempts), event, clock_s)

    def lose(self, trial: int, reason: str, clock_s: float, *, counts: bool = True) -> None:
        """Record that a trial's worker died; ``counts`` is False if the next one gets a smaller micro-batch."""
        self.kills_for_memory[trial] += not counts
        self.last_losses[trial] = reason
        record = replace(self.records[trial], losses=self.records[trial].losses + counts)
        self._change(record, "lose", clock_s, reason=reason, counts=counts)

    def pause(self, trial: int, train_s: float, clock_s: float) -> TrialRecord:
        """Record that a trial pauses at a rung, and return it."""
        record = replace(self.records[trial], state="paused", train_s=train_s)
        return self._change(record, "pause", clock_s)

    def stop(self, trial: int, clock_s: float) -> TrialRecord:
        """Record that a paused trial ends, and return it."""
        record = self.records[trial]
        assert record.state == "paused", record
        reason = f"stopped after {record.epochs} of {record.max_epochs} epochs"
        return self._change(
            replace(record, state="stopped", reason=reason, finished_s=clock_s), "stop", clock_s
        )

    def finish(
        self, trial: int, accuracy: float, outcome: Outcome, weights: str, clock_s: float
    ) -> TrialRecord:
        """Record a trial's result and return the trial.

        Args:
            trial: The number of the trial.
            accuracy: The validation accuracy of its last epoch.
            outcome: The further results.
            weights: The file with the weights.
            clock_s: The time on the study's clock.
        """
        reached = accuracy
        if self.header.is_int8:
            assert outcome.int8_accuracy is not None
            reached = outcome.int8_accuracy
        costs = self.records[trial].network_costs
        if outcome.latency is not None:
            costs = replace(costs, **asdict(outcome.latency))
        record = replace(
            self.records[trial],
            state="complete",
            val_accuracy=reached,
            float_accuracy=accuracy,
            int8_accuracy=outcome.int8_accuracy,
            train_s=outcome.train_s,
            network_costs=costs,
            training_costs=outcome.costs,
            class_accuracies=outcome.class_accuracies,
            weights=weights,
            finished_s=clock_s,
        )
        return self._change(record, "finish", clock_s)

    def give_up(self, trial: int, clock_s: float) -> TrialRecord:
        """Record that a trial failed after too many dead workers, and return it."""
        reason = f"{self.records[trial].losses} workers died while training it"
        if last := self.last_losses.get(trial):
            reason += f", the last time {last}"
        record = replace(self.records[trial], state="failed", reason=reason, finished_s=clock_s)
        return self._change(record, "give_up", clock_s, reason=reason)

    def fail(self, trial: int, reason: str, clock_s: float) -> TrialRecord:
        """Record that a trial failed, and return it."""
        record = replace(self.records[trial], state="failed", reason=reason, finished_s=clock_s)
        return self._change(record, "fail", clock_s, reason=reason)

    # -- hooks of a store on disk --------------------------------------------------------------------------

    def _begin(self, record: TrialRecord) -> None:
        self.records[record.number] = record
        self._trials_of[record.arch].append(record.number)

    def _change(self, record: TrialRecord, event: str, clock_s: float, **detail: Any) -> TrialRecord:
        self.records[record.number] = record
        return record

    def note_silence(self, trial: int, clock_s: float, *, is_silent: bool) -> None:
        """Note that the worker of a trial hangs (``is_silent``), or goes on."""

    def note_retired(self, clock_s: float, **detail: Any) -> None:
        """Note that a slot is given up; ``detail`` has the fields of the event ``Retired``."""

    def drop_dominated_weights(self) -> None:
        """Drop the weights of every complete trial that is not on the front."""

    def drop_checkpoint(self, record: TrialRecord) -> None:
        """Drop the checkpoint of a trial that has ended."""

    def place_of(self, file: str) -> str:
        """Return the path for a worker of a file that is relative to the study's folder."""
        return file
