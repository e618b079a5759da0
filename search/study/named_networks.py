"""Trainings of named networks from several seeds, as a study with a plan."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from results.open import Study
from search.study.plan import plan_config
from search.study.progress import Progress, said_if_long
from search.study.resolve import Request, resolve
from search.study.run import run_study
from search.study.teacher_files import find_teacher
from space.core.errors import InvalidInputError, shown
from space.networks.load import read_spec
from space.networks.spec import Spec
from trainers.data.load_splits import load_search_data
from trainers.data.splits import SearchData
from trainers.device.allocator import keep_freed_memory
from trainers.teacher_checks import check_teacher

MAX_SEEDS = 1000
END_OF_SEEDS = 2**63


@dataclass(frozen=True)
class NamedNetworks:
    """Networks to train.

    Attributes:
        specs: References, notations or JSON files.
        num_seeds: Trainings of each network; the first seed is ``search.seed`` of the configuration.
        folder: The study's folder. Default: runs/train-ARCH.
        plugins: Python files that register the networks' families.
        teacher: The network whose logits they imitate, as ``find_teacher`` takes it.
    """

    specs: Sequence[str]
    num_seeds: int = 1
    folder: Path | None = None
    plugins: Sequence[Path] = ()
    teacher: str | None = None


def train_named(networks: NamedNetworks, base: Request, make_progress: Callable[[str], Progress]) -> Study:
    """Train networks from several seeds, or resume these trainings.

    Args:
        networks: The networks and the number of seeds.
        base: The request whose configuration gives images, recipe and device.
        make_progress: Returns a progress display that counts the given noun.

    Raises:
        InvalidInputError: A value is unknown or out of range, the images are unusable, or the folder holds
            another study.
        SearchError: The trainings cannot continue. Their results are recorded.
    """
    config, _ = resolve(base)
    teacher = None if networks.teacher is None else find_teacher(networks.teacher)
    seeds = _seeds(config.search.seed, networks.num_seeds)
    keep_freed_memory()
    with closing(make_progress("trials")) as loading, said_if_long(loading, f"loading {config.data.source}"):
        images = [load_search_data(config.data)]
    specs = [_network(text, images[0]) for text in networks.specs]
    if teacher is not None:
        check_teacher(teacher.trained, images[0], teacher.name)
        config = config.model_copy(update={"train": config.train.replaced({"teacher": teacher.digest})})
    name = f"train-{specs[0].arch if len(specs) == 1 else _digest(specs)}"
    config = plan_config(config, name, [spec.notation for spec in specs], seeds, networks.plugins)
    folder = networks.folder or Path("runs") / name
    with closing(make_progress("trainings")) as progress:
        # pop: the workers load the images themselves and need the memory
        return run_study(config, folder, progress, images.pop, repair=True, teacher=teacher)


def _seeds(first: int, count: int) -> list[int]:
    if not 1 <= count <= MAX_SEEDS:
        raise InvalidInputError(f"--seeds must be from 1 to {MAX_SEEDS}, but got {shown(count)}")
    if first + count > END_OF_SEEDS:
        raise InvalidInputError(
            f"seeds must be below 2**63, but --seed {first} and --seeds {count} lead to {first + count - 1}; "
            "begin with a smaller --seed"
        )
    return [first + index for index in range(count)]


def _network(text: str, data: SearchData) -> Spec:
    """Return the network named ``text``, with the channels and classes of the images."""
    spec = read_spec(text, in_channels=data.in_channels, num_classes=data.num_classes)
    for what, own, needed in (
        ("channels", spec.in_channels, data.in_channels),
        ("classes", spec.num_classes, data.num_classes),
    ):
        if own != needed:
            raise InvalidInputError(f"{text} is for {own} {what}, but {data.name} has {needed}")
    return spec.canonical()


def _digest(specs: Sequence[Spec]) -> str:
    return hashlib.sha256(" ".join(sorted(spec.arch for spec in specs)).encode()).hexdigest()[:12]
