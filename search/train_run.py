"""One network trained from several seeds in this process, with everything kept in a folder."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from search.config import StudyConfig
from search.progress import Progress
from search.train_folder import IMAGES, DamagedResultError, TrainFolder
from space.files import sha256_of
from space.spec import Spec
from trainers.data import SearchData
from trainers.image_checks import check_images

if TYPE_CHECKING:
    from search.seed_result import SeedResult
    from trainers.calibration import Calibration
    from trainers.device_data import DeviceData
    from trainers.training import Training

Found = TypeVar("Found")
CALIBRATING = "calibrating: how this device trains fastest is measured once, and kept"
HALVED = (
    "an earlier run of this training was killed, and since it began the system has killed for want of "
    "memory: {images} images of a batch are trained on at once"
)


@dataclass(frozen=True)
class EpochsDone:
    """How many epochs of all seeds are done, and what the last one brought; or what is done instead."""

    done: int
    total: int
    seed: int
    val_accuracy: float | None = None
    images_per_s: float | None = None
    doing: str = ""

    @property
    def urgent(self) -> bool:
        """Nothing is heard of what is no epoch until it is done."""
        return bool(self.doing)

    def text(self) -> str:
        """Return the figures in words, for one line."""
        parts = [f"seed {self.seed}"]
        if self.val_accuracy is not None:
            parts.append(f"val. accuracy {100 * self.val_accuracy:.2f} %")
        if self.images_per_s:
            parts.append(f"{self.images_per_s:,.0f} images/s")
        if self.doing:
            parts.append(self.doing)
        return ", ".join(parts)


@dataclass(frozen=True)
class Trainings:
    """The results of all seeds, and how many of them were not there before."""

    results: list[SeedResult]
    num_new: int


def train_network(
    spec: Spec,
    config: StudyConfig,
    data: DeviceData,
    seeds: list[int],
    folder: TrainFolder,
    progress: Progress,
) -> Trainings:
    """Train ``spec`` from each seed, or take what is finished, in a folder that is locked.

    A result that is damaged is trained again, and ``progress`` told so.

    Raises:
        InvalidInputError: the folder holds other trainings, or its classes have other names.
        TrainingFailedError: a training came to nothing.
        OSError: the folder cannot be written to.
    """
    from trainers.calibration import Calibration
    from trainers.health import TrainingFailedError
    from trainers.training import Training, training_identity

    def identity_of(seed: int) -> str:
        return training_identity(spec, data, config.train, seed)

    folder.claim(spec, config, data.search_data.classes, identity_of)
    found = check_images(data.search_data, folder.path / IMAGES, progress.note)
    for remark in [*data.search_data.remarks(), *found]:
        progress.note(f"note: {remark}")
    calibration = Calibration(data.device, folder.calibration, tell=lambda: progress.note(CALIBRATING))
    results, num_new = [], 0
    for index, seed in enumerate(seeds):
        result = _finished(folder, seed, identity_of(seed), config.train.epochs, progress)
        if result is None:
            checkpoint = folder.checkpoint(seed, identity_of(seed))
            mode = calibration.mode(spec, config.train, config.execution, data.search_data.image_size)
            with folder.running(seed) as halvings:
                try:
                    mode = replace(mode, halvings=halvings)
                    training = Training(spec, data, config.train, seed, mode, checkpoint)
                    if halvings:
                        progress.note(HALVED.format(images=training.mode.micro_batch))
                    state = _train(training, index, len(seeds), progress)
                except TrainingFailedError as error:
                    raise TrainingFailedError(f"seed {seed}: {error}", error.advice) from None
            progress.update(replace(state, doing="measuring speed and latency"))
            result = _result(training, identity_of(seed), calibration, folder)
            folder.write_result(result)
            checkpoint.remove()
            calibration.check(spec, config.train, config.execution, data.search_data.image_size)
            num_new += 1
        results.append(result)
    return Trainings(results, num_new)


def _finished(
    folder: TrainFolder, seed: int, identity: str, epochs: int, progress: Progress
) -> SeedResult | None:
    try:
        return folder.result(seed, identity, epochs)
    except DamagedResultError as error:
        progress.note(f"{error}: seed {seed} is trained again")
        return None


def _train(training: Training, index: int, num_seeds: int, progress: Progress) -> EpochsDone:
    """Train to the end, telling ``progress`` about every epoch, and return what it was told last."""
    epochs = training.recipe.epochs
    before = index * epochs
    state = EpochsDone(before + len(training.reports), num_seeds * epochs, training.seed)
    progress.update(state)
    for report in training.epochs():
        speed = training.measurements().images_per_s
        done = before + report.epoch
        state = replace(state, done=done, val_accuracy=report.val_accuracy, images_per_s=speed)
        progress.update(state)
    return state


def _result(training: Training, identity: str, calibration: Calibration, folder: TrainFolder) -> SeedResult:
    """Save the weights and return what a finished training brought; latency is by its own threads."""
    from search.seed_result import SeedResult, weights_name

    scores, classes = training.scores or training.evaluate(), training.data.search_data.classes
    weights = training.save(folder.path / weights_name(training.seed))
    return SeedResult(
        identity=identity,
        seed=training.seed,
        val_accuracy=training.reports[-1].val_accuracy,
        class_accuracies=dict(zip(classes, scores.class_accuracies, strict=True)),
        weights=weights.name,
        weights_sha256=sha256_of(weights),
        mode=training.mode,
        measured=training.measurements(
            _if_there_is_memory(lambda: calibration.ceiling(bfloat16=training.mode.bfloat16), None)
        ),
        latency=tuple(_if_there_is_memory(training.latencies, [])),
        reports=tuple(training.reports),
    )


def _if_there_is_memory(measure: Callable[[], Found], instead: Found) -> Found:
    """Return what ``measure`` returns; where memory runs out, what was trained counts all the same."""
    from trainers.memory import is_out_of_memory

    try:
        return measure()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    return instead


def summary(spec: Spec, data: SearchData, results: list[SeedResult]) -> dict[str, Any]:
    """Return the figures over all seeds: mean and standard deviation (of a sample; None for one seed)."""
    accuracies = [result.val_accuracy for result in results]
    counts = spec.counts(data.image_size)
    return {
        "data": data.name,
        "notation": spec.notation,
        "arch": spec.arch,
        "params": counts.params,
        "macs": counts.macs,
        "epochs": len(results[0].reports),
        "train_s": sum(report.seconds for result in results for report in result.reports),
        "mean": statistics.fmean(accuracies),
        "deviation": statistics.stdev(accuracies) if len(accuracies) > 1 else None,
        "seeds": [result.model_dump(mode="json", exclude={"reports", "identity"}) for result in results],
    }


def curves_csv(results: list[SeedResult]) -> str:
    """Return every epoch of every seed as CSV."""
    rows = [{"seed": result.seed, **asdict(report)} for result in results for report in result.reports]
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
