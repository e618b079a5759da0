"""One network trained from several seeds in this process, with everything kept in a folder."""

from __future__ import annotations

import csv
import io
import json
import statistics
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.config import StudyConfig
from search.progress import Progress
from space.errors import InvalidInputError
from space.files import write_atomic
from space.spec import Spec
from trainers.data import SearchData

if TYPE_CHECKING:
    from trainers.calibration import Calibration
    from trainers.device_data import DeviceData

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

    def prepare(self, spec: Spec, config: StudyConfig) -> None:
        """Make the folder, or make sure that what is in it was trained in the same way.

        Raises:
            InvalidInputError: the folder holds something else, or trainings of another network or recipe.
        """
        files = {
            SPEC: json.dumps(spec.to_dict(), indent=2) + "\n",
            CONFIG: replace_budget(config).to_toml(),
        }
        if self.path.exists() and not self.path.is_dir():
            raise InvalidInputError(f"{self.path} is a file; a training needs a folder (--to)")
        found = {entry.name for entry in self.path.iterdir()} if self.path.exists() else set()
        if found and not found & set(files):
            raise InvalidInputError(
                f"{self.path} holds something else ({min(found)}); choose another folder (--to)"
            )
        for name, text in files.items():
            file = self.path / name
            if file.exists() and file.read_text(encoding="utf-8") != text:
                raise InvalidInputError(
                    f"{self.path} holds trainings of another network or recipe ({name} differs); "
                    "choose another folder (--to)"
                )
            write_atomic(file, text)

    def result(self, seed: int) -> dict[str, Any] | None:
        """Return what a seed's finished training left, or None."""
        try:
            found = json.loads((self.path / f"seed-{seed}.json").read_text(encoding="utf-8"))
            return found if (self.path / found["weights"]).is_file() else None
        except (OSError, ValueError, KeyError, TypeError):
            return None  # not finished, or damaged: it is trained again, from its checkpoint if there is one

    def write_result(self, seed: int, result: dict[str, Any]) -> None:
        """Keep what a seed's training brought."""
        write_atomic(self.path / f"seed-{seed}.json", json.dumps(result, indent=2) + "\n")


def replace_budget(config: StudyConfig) -> StudyConfig:
    """Return the configuration without what trainings do not depend on."""
    return config.model_copy(update={"description": "", "references": (), "name": "train"})


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

    calibration = Calibration(data.device, folder.path / "calibration")
    results = []
    for index, seed in enumerate(seeds):
        result = folder.result(seed)
        if result is None:
            trainer = _SeedTrainer(spec, config, data, calibration, folder)
            for state in trainer.train(seed):
                total = len(seeds) * config.train.epochs
                progress.update(replace(state, done=index * config.train.epochs + state.done, total=total))
            result = trainer.finish(seed)
            folder.write_result(seed, result)
            trainer.checkpoint.remove()
        results.append(result)
    return results


class _SeedTrainer:
    """Trains one network from one seed."""

    def __init__(
        self, spec: Spec, config: StudyConfig, data: DeviceData, calibration: Calibration, folder: TrainFolder
    ) -> None:
        self.spec, self.config, self.data = spec, config, data
        self.calibration, self.folder = calibration, folder

    def train(self, seed: int) -> Iterator[EpochsDone]:
        from trainers.checkpoint import CheckpointFile
        from trainers.training import Training, training_identity

        recipe, spec, data = self.config.train, self.spec, self.data
        identity = training_identity(spec, data, recipe, seed)
        self.checkpoint = CheckpointFile(self.folder.path / f"seed-{seed}.checkpoint", identity)
        mode = self.calibration.mode(spec, recipe, self.config.execution, data.search_data.image_size)
        self.training = Training(spec, data, recipe, seed, mode, self.checkpoint)
        yield EpochsDone(len(self.training.reports), 0, seed)
        for report in self.training.epochs():
            speed = self.training.measurements().images_per_s
            yield EpochsDone(report.epoch, 0, seed, report.val_accuracy, speed)

    def finish(self, seed: int) -> dict[str, Any]:
        from trainers.measurements import latencies

        training, images = self.training, self.data.search_data
        shape = (images.in_channels, *images.image_size)
        scores = training.scores or training.evaluate()
        weights = training.save(self.folder.path / f"seed-{seed}.safetensors")
        ceiling = self.calibration.ceiling(bfloat16=training.mode.bfloat16)
        return {
            "seed": seed,
            "val_accuracy": training.reports[-1].val_accuracy,
            "class_accuracies": dict(zip(images.classes, scores.class_accuracies, strict=True)),
            "weights": weights.name,
            "mode": asdict(training.mode),
            "measured": asdict(training.measurements(ceiling)),
            "latency": [asdict(latency) for latency in latencies(training.network, shape, self.data.device)],
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
        "seeds": [{key: value for key, value in result.items() if key != "reports"} for result in results],
    }


def curves_csv(results: list[dict[str, Any]]) -> str:
    """Return every epoch of every seed as CSV."""
    rows = [{"seed": result["seed"], **report} for result in results for report in result["reports"]]
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
