"""The steps of the queue, in the order in which they are wanted."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.paper_claims import NETWORKS

MGNAS = (sys.executable, "-P", "-c", "from search.cli.main import main; main()")
MODULE = (sys.executable, "-m")
HAND_DESIGNED = (
    *("resnet8", "resnet20", "resnet32", "resnet44", "resnet56", "wide-resnet16-1", "wide-resnet40-1"),
    *("mgnet-256-Bl@0.125", "mgnet-256-Bl@0.25", "mgnet-64-Bli", "resnet18@0.25", "resnet18-Al-Bli@0.25"),
)
"""The networks of the papers that the search is compared with."""
PAPERS = ("mgnet-256-Bl", "resnet18")
"""The two networks of the papers, at full width."""
CLAIMS = tuple(NETWORKS.values())
"""Small networks whose pairs answer the papers' claims: ``python -m benchmarks.paper_claims table STUDY``."""
GPU_TESTS = ("tests/trainers/test_gpu.py", "tests/space/modules/test_integers.py")
"""The files with tests of a GPU. To collect all files would need every optional package."""


@dataclass(frozen=True)
class Step:
    """One command that ends by itself with exit code 0, or continues where it stopped.

    Attributes:
        name: Its name in the state of the queue and of its output.
        command: The command. It runs in the folder of the queue.
        most_s: The longest time of one run of it, in seconds.
        repeats: Whether a command that fails is run again next time; otherwise its output is the result.
    """

    name: str
    command: tuple[str, ...]
    most_s: float
    repeats: bool = True


@dataclass(frozen=True)
class Scale:
    """The size of the campaign.

    Attributes:
        data: The images, as ``--data`` takes them.
        settings: Assignments for every search and training.
        presets: The presets to search, smallest first.
        device: The device.
        seeds: Trainings of each network of a certification.
        epochs: Epochs of these trainings.
        references: Networks to compare with.
        papers: Large networks of the papers.
        claims: Networks of the papers' claims.
        packing: Options of the benchmark of packing.
        recipe: Options of the benchmark of the recipe of small networks.
        tests: Arguments of pytest.
    """

    data: str
    settings: tuple[str, ...] = ()
    presets: tuple[str, ...] = ("cifar10-tiny", "cifar10-small")
    device: str = "cuda"
    seeds: int = 3
    epochs: int = 100
    references: tuple[str, ...] = HAND_DESIGNED
    papers: tuple[str, ...] = PAPERS
    claims: tuple[str, ...] = CLAIMS
    packing: tuple[str, ...] = ()
    recipe: tuple[str, ...] = ("--epochs", "30")
    tests: tuple[str, ...] = ("-m", "gpu", "-q", "-n0", *GPU_TESTS)


def steps(scale: Scale, root: Path) -> list[Step]:
    """Return the steps of a campaign, most wanted first.

    Args:
        scale: Its size.
        root: The root of the checkout, with the tests.
    """
    studies = [step for preset in scale.presets for step in _search_and_certification(scale, preset)]
    taught = [_taught_certification(scale, preset) for preset in scale.presets]
    return [*_checks(scale, root), *studies, *_trainings(scale), *taught, _recipe(scale)]


def _checks(scale: Scale, root: Path) -> list[Step]:
    """Return the tests of the GPU, and the benchmark of packing with and without MPS."""
    configuration = ("--rootdir", str(root), "-c", str(root / "pyproject.toml"))
    tests = (str(root / word) if (root / word).exists() else word for word in scale.tests)
    packing = (*MODULE, "benchmarks.packing", "--json", "--device", scale.device, *scale.packing)
    pytest = (*MODULE, "pytest", "-p", "no:cacheprovider", *configuration, *tests)
    return [
        Step("tests", pytest, 180.0, repeats=False),
        Step("packing", packing, 150.0, repeats=False),
        Step("packing-by-turns", (*packing, "--no-mps"), 120.0, repeats=False),
    ]


def _search_and_certification(scale: Scale, preset: str) -> list[Step]:
    folder = f"studies/{preset}"
    images = ("--data", scale.data, "--device", scale.device, *_assigned(scale.settings))
    search = (*MGNAS, "search", "--preset", preset, *images, "--dir", folder)
    certify = (*MGNAS, "certify", folder, "--data", scale.data, *_seeds_and_epochs(scale))
    return [Step(f"search-{preset}", search, 600.0), Step(f"certify-{preset}", certify, 600.0)]


def _taught_certification(scale: Scale, preset: str) -> Step:
    """Return the certification of a front whose networks, and the references, imitate the best of the study."""
    references = (word for name in scale.references for word in ("--reference", name))
    certify = (*MGNAS, "certify", f"studies/{preset}", "--data", scale.data, *_seeds_and_epochs(scale))
    return Step(f"certify-{preset}-taught", (*certify, "--teacher", "best", *references), 600.0)


def _trainings(scale: Scale) -> list[Step]:
    """Return the trainings of named networks, by the recipe of the first preset."""
    found = []
    groups = {"references": scale.references, "claims": scale.claims, "papers": scale.papers}
    for name, networks in groups.items():
        recipe = _assigned(tuple(one for one in scale.settings if one.startswith("train.batch")))
        place = ("--data", scale.data, "--preset", scale.presets[0], "--output", f"studies/{name}")
        train = (*MGNAS, "train", *networks, *_seeds_and_epochs(scale), *recipe, *place)
        found.append(Step(name, train, 600.0))
    return found


def _recipe(scale: Scale) -> Step:
    """Return the comparison of recipes of small networks, which chooses on validation images."""
    images = ("--data", scale.data.removeprefix("npz:"), "--device", scale.device)
    command = (*MODULE, "benchmarks.small_recipe", *images, "--out", "recipe/rows.jsonl", *scale.recipe)
    return Step("recipe", command, 600.0)


def _seeds_and_epochs(scale: Scale) -> tuple[str, ...]:
    return ("--seeds", str(scale.seeds), "--epochs", str(scale.epochs))


def _assigned(settings: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for setting in settings for word in ("--set", setting))
