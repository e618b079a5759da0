"""One network trained from several seeds in this process, with everything kept in a folder."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import re
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w

from search.config import StudyConfig
from search.folder import LOCK, PART
from search.progress import Progress
from space.errors import InvalidInputError
from space.files import write_atomic
from space.spec import Spec
from trainers.data import SearchData

if TYPE_CHECKING:
    from trainers.calibration import Calibration
    from trainers.device_data import DeviceData
    from trainers.training import Training

CONFIG = "train.toml"
SPEC = "spec.json"
SUMMARY = "summary.json"


@dataclass(frozen=True)
class EpochsDone:
    """How many epochs of all seeds are done, and what the last one brought."""

    done: int
    total: int
    seed: int
    val_accuracy: float | None = None
    images_per_s: float | None = None

    def text(self) -> str:
        """Return the figures in words, for one line."""
        parts = [f"seed {self.seed}"]
        if self.val_accuracy is not None:
            parts.append(f"val. accuracy {100 * self.val_accuracy:.2f} %")
        if self.images_per_s:
            parts.append(f"{self.images_per_s:,.0f} images/s")
        return ", ".join(parts)


class TrainFolder:
    """Where the trainings of one network by one recipe on one data set are kept."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder, which is made if need be, against other commands.

        Raises:
            InvalidInputError: another one trains here, or the folder holds something else.
        """
        if self.path.exists() and not self.path.is_dir():
            raise InvalidInputError(f"{self.path} is a file; a training needs a folder (--to)")
        found = {entry.name for entry in self.path.iterdir()} if self.path.exists() else set()
        parts = {name for name in found if re.fullmatch(PART, name)}
        others = found - parts - {LOCK}
        if others and not others & {SPEC, CONFIG}:
            raise InvalidInputError(
                f"{self.path} holds something else ({min(others)}); choose another folder (--to)"
            )
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / LOCK).open("w", encoding="utf-8") as file:
            try:
                fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InvalidInputError(
                    f"another training is running in {self.path}; wait for it, or choose another --to"
                ) from None
            for name in parts:  # what a killed process was writing
                (self.path / name).unlink(missing_ok=True)
            yield

    def claim(self, spec: Spec, config: StudyConfig) -> None:
        """Write down what is trained here and how, or make sure that it is the same as before.

        Raises:
            InvalidInputError: the folder holds trainings of another network or recipe.
        """
        files = {
            SPEC: json.dumps(spec.to_dict(), indent=2) + "\n",
            CONFIG: tomli_w.dumps(decisive(config)),
        }
        for name, text in files.items():
            file = self.path / name
            if file.exists() and file.read_text(encoding="utf-8") != text:
                raise InvalidInputError(
                    f"{self.path} holds trainings of another network or recipe ({name} differs); "
                    "choose another folder (--to)"
                )
            write_atomic(file, text)

    def result(self, seed: int, identity: str) -> dict[str, Any] | None:
        """Return what a seed's finished training left, or None; ``identity`` is that of the training."""
        try:
            found = json.loads((self.path / f"seed-{seed}.json").read_text(encoding="utf-8"))
            is_whole = found["identity"] == identity and (self.path / found["weights"]).is_file()
            return found if is_whole else None
        except (OSError, ValueError, KeyError, TypeError):
            return None  # not finished, or damaged: it is trained again, from its checkpoint if there is one

    def write_result(self, seed: int, result: dict[str, Any]) -> None:
        """Keep what a seed's training brought."""
        write_atomic(self.path / f"seed-{seed}.json", json.dumps(result, indent=2) + "\n")


def decisive(config: StudyConfig) -> dict[str, Any]:
    """Return what the numbers of a training depend on, besides network and seed, as plain tables."""
    where = {"root", "memory_gib", "loader_workers"}
    data = config.data.model_dump(mode="json", exclude_none=True, exclude=where)
    return {"data": data, "train": config.train.model_dump(mode="json")}


def train_network(
    spec: Spec,
    config: StudyConfig,
    data: DeviceData,
    seeds: list[int],
    folder: TrainFolder,
    progress: Progress,
) -> list[dict[str, Any]]:
    """Train ``spec`` from each seed, or take what is finished, and return one result for each.

    A result has seed, reports (a list of one mapping for each epoch), val_accuracy, class_accuracies,
    measured, latency and the name of the file with the weights.

    Raises:
        TrainingFailedError: a training came to nothing.
        OSError: the folder cannot be written to.
    """
    from trainers.calibration import Calibration
    from trainers.checkpoint import CheckpointFile
    from trainers.training import Training, training_identity

    calibration = Calibration(data.device, folder.path / "calibration")
    results = []
    for index, seed in enumerate(seeds):
        identity = training_identity(spec, data, config.train, seed)
        result = folder.result(seed, identity)
        if result is None:
            checkpoint = CheckpointFile(folder.path / f"seed-{seed}.checkpoint", identity)
            mode = calibration.mode(spec, config.train, config.execution, data.search_data.image_size)
            training = Training(spec, data, config.train, seed, mode, checkpoint)
            _train(training, index, len(seeds), progress)
            result = {"identity": identity, **_results(training, calibration, folder)}
            folder.write_result(seed, result)
            checkpoint.remove()
        results.append(result)
    return results


def _train(training: Training, index: int, num_seeds: int, progress: Progress) -> None:
    epochs = training.recipe.epochs
    before, total = index * epochs, num_seeds * epochs
    progress.update(EpochsDone(before + len(training.reports), total, training.seed))
    for report in training.epochs():
        speed = training.measurements().images_per_s
        progress.update(EpochsDone(before + report.epoch, total, training.seed, report.val_accuracy, speed))


def _results(training: Training, calibration: Calibration, folder: TrainFolder) -> dict[str, Any]:
    """Save the weights and return what a finished training brought."""
    from trainers.measurements import latencies

    images, scores = training.data.search_data, training.scores or training.evaluate()
    weights = training.save(folder.path / f"seed-{training.seed}.safetensors")
    ceiling = calibration.ceiling(bfloat16=training.mode.bfloat16)
    shape = (images.in_channels, *images.image_size)
    return {
        "seed": training.seed,
        "val_accuracy": training.reports[-1].val_accuracy,
        "class_accuracies": dict(zip(images.classes, scores.class_accuracies, strict=True)),
        "weights": weights.name,
        "mode": asdict(training.mode),
        "measured": asdict(training.measurements(ceiling)),
        "latency": [asdict(latency) for latency in latencies(training.network, shape, training.data.device)],
        "reports": [asdict(report) for report in training.reports],
    }


def summary(spec: Spec, data: SearchData, results: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures over all seeds: mean and standard deviation (of a sample; None for one seed)."""
    accuracies = [result["val_accuracy"] for result in results]
    counts = spec.counts(data.image_size)
    return {
        "data": data.name,
        "notation": spec.notation,
        "arch": spec.arch,
        "params": counts.params,
        "macs": counts.macs,
        "epochs": len(results[0]["reports"]),
        "train_s": sum(report["seconds"] for result in results for report in result["reports"]),
        "mean": statistics.fmean(accuracies),
        "deviation": statistics.stdev(accuracies) if len(accuracies) > 1 else None,
        "seeds": [
            {key: value for key, value in result.items() if key not in ("reports", "identity")}
            for result in results
        ],
    }


def curves_csv(results: list[dict[str, Any]]) -> str:
    """Return every epoch of every seed as CSV."""
    rows = [{"seed": result["seed"], **report} for result in results for report in result["reports"]]
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
