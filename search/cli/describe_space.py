"""``mgnas describe --space STUDY``: the size, ranges and samples of a search space."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from results.intervals import wilson
from results.storage.objectives import COSTS
from results.tables import print_json, print_table
from search.cli.describe import ImageOptions
from search.study.config import StudyConfig
from space.core.errors import InvalidInputError
from space.decision_tree import IMAGE_SIZE
from space.domains import Value
from space.limits import DEVICE_COSTS, LIMITS
from space.networks.counts import as_size
from space.networks.families import BUILT_IN
from space.search_space import Point, SearchSpace
from trainers.data.load_splits import known_format, load_search_data

DRAWS = 2_000
"""Points drawn uniformly to estimate the feasible fraction."""
NUM_SAMPLES = 6
EXACT_UP_TO = 20_000
"""Maximum size of an enumerated space, in points."""


def describe_space(config: StudyConfig, images: ImageOptions, as_json: bool) -> None:
    """Print the size, ranges, feasible fraction and some networks of a study's search space.

    Raises:
        InvalidInputError: The images are unusable and the options omit their format, a number is out of
            range, or the limits exclude every network.
    """
    images.check()
    space = space_of(config, images)
    document = summary(space)
    if not document["samples"]:
        raise InvalidInputError("no network of this space is within its limits; raise one of them")
    if as_json:
        print_json(document)
    else:
        _print(space, document)


def space_of(config: StudyConfig, images: ImageOptions) -> SearchSpace:
    """Return the search space for the study's images, or for the image format of the command line."""
    size, channels, classes = images.size, images.channels, images.classes
    known = known_format(config.data)
    if known is None and None in (size, channels, classes):
        try:
            data = load_search_data(config.data)
        except InvalidInputError as error:
            raise InvalidInputError(
                f"{error} (name the images with --set data.source=..., or describe them with "
                "--image-size, --channels and --classes)"
            ) from None
        known = (data.image_size, data.in_channels, data.num_classes)
    found = known or (32, 3, 10)
    return config.search_space(
        image_size=size or found[0], in_channels=channels or found[1], num_classes=classes or found[2]
    )


def summary(space: SearchSpace, seed: int = 0) -> dict[str, Any]:
    """Return the facts of a search space as plain data; ``seed`` determines the samples."""
    rng = random.Random(seed)
    share, low, high, drawn = feasible_share(space, rng)
    samples: list[dict[str, Any]] = []
    seen: set[str] = set()
    for _ in range(10 * NUM_SAMPLES):
        point = space.sample_feasible(rng)
        if point is None or len(samples) == NUM_SAMPLES:
            break
        spec = space.spec(point)
        if spec.arch not in seen:
            seen.add(spec.arch)
            samples.append(_sample(space, point))
    size = space.size()
    least, most = space.params_extremes
    least_macs, most_macs = space.macs_extremes
    return {
        "points": None if math.isinf(size) else size,
        "image_size": list(as_size(space.image_size)),
        "in_channels": space.in_channels,
        "num_classes": space.num_classes,
        "batch_size": space.batch_size,
        "params": [least, most],
        "macs": [least_macs, most_macs],
        **{name: list(space.cost_extremes(name)) for name in _device_costs(space)},
        "limits": {name: value for name in LIMITS if (value := getattr(space.config, name)) is not None},
        "feasible_share": share,
        "feasible_share_interval": [low, high],
        "drawn": drawn,
        "samples": sorted(samples, key=lambda sample: sample["params"]),
    }


def feasible_share(space: SearchSpace, rng: random.Random) -> tuple[float, float, float, int | None]:
    """Return the feasible fraction of the points of a space.

    Spaces of at most ``EXACT_UP_TO`` points are enumerated. The fraction of these spaces and of spaces
    without limits is exact.

    Returns:
        The fraction, its 95 % interval (low, high), and the number of drawn points. The number is None for an
        exact fraction.
    """
    built_in = {family.name for family in BUILT_IN}  # other families may contain invalid networks
    if not space.has_limits and built_in.issuperset(space.config.family.choices):
        return 1.0, 1.0, 1.0, None
    size = space.size()
    if size <= EXACT_UP_TO:
        share = sum(1 for _ in space.feasible_points()) / size
        return share, share, share, None
    within = sum(space.is_feasible(space.enumeration.sample(rng)) for _ in range(DRAWS))
    share = within / DRAWS
    return share, *wilson(share, DRAWS), DRAWS


def _sample(space: SearchSpace, point: Point) -> dict[str, Any]:
    spec, counts = space.spec(point), space.counts_of(point)
    return {
        "notation": spec.notation,
        "arch": spec.arch,
        "params": counts.params,
        "macs": counts.macs,
        "activation_mib": space.activation_mib(counts),
        **{name: space.cost(name, counts) for name in _device_costs(space)},
        **({"image_size": space.image_size_of(space.training(point))} if _searched_sizes(space) else {}),
    }


def _searched_sizes(space: SearchSpace) -> Sequence[Value]:
    """Return the sizes of images that the space searches, ascending; none if it searches none."""
    domain = space.config.train.get(IMAGE_SIZE)
    return [] if domain is None else domain.values()


def _device_costs(space: SearchSpace) -> tuple[str, ...]:
    """Return the costs of int8 C code if the space counts them: with an objective or a limit of flash or SRAM."""
    return DEVICE_COSTS if space.counts_device else ()


def _print(space: SearchSpace, facts: dict[str, Any]) -> None:
    height, width = facts["image_size"]
    sizes = [f"{side} x {side}" for side in _searched_sizes(space)]
    images = " or ".join(sizes) or f"{height} x {width}"
    points = (
        "infinitely many (a hyperparameter is continuous)"
        if facts["points"] is None
        else _count(facts["points"])
    )
    share = f"{100 * facts['feasible_share']:.3g} % of the points"
    if facts["drawn"]:
        low, high = facts["feasible_share_interval"]
        share += f" (95 % interval {100 * low:.3g} to {100 * high:.3g} %, from {facts['drawn']:,} drawn)"
    limits = ", ".join(f"{name} = {value:,}" for name, value in facts["limits"].items()) or "none"
    lines = [
        f"  images       {images} x {facts['in_channels']}, {facts['num_classes']} classes",
        f"  points       {points}; equal networks are counted once for each spelling",
        f"  parameters   {_range(facts['params'])}",
        f"  MACs         {_range(facts['macs'])}",
        *(
            f"  {COSTS[name].title:<11}  {facts[name][0]:,.2f} to {facts[name][1]:,.2f} KiB as int8 C code"
            for name in _device_costs(space)
        ),
        f"  limits       {limits}",
        f"  feasible     {share}",
        f"  hyperparameters        {', '.join(space.hyperparameters()) or 'none: every one is fixed'}",
    ]
    sys.stdout.write("\n".join(lines) + "\n\n")
    rows = [
        (
            sample["notation"],
            *([str(sample["image_size"])] if sizes else []),
            f"{sample['params']:,}",
            f"{sample['macs']:,}",
            *(f"{sample[name]:,.2f}" for name in _device_costs(space)),
            f"{sample['activation_mib']:.2f}",
        )
        for sample in facts["samples"]
    ]
    training = f"training memory, MiB (batch {space.batch_size})"
    header = (
        "a few networks",
        *(["image"] if sizes else []),
        *("parameters", "MACs"),
        *(COSTS[name].heading for name in _device_costs(space)),
        training,
    )
    print_table(header, rows, sys.stdout, text_columns=(0,), optional=(training, "MACs"))


def _range(ends: list[int]) -> str:
    return f"{ends[0]:,} to {ends[1]:,}"


def _count(number: int) -> str:
    if number < 10**15:
        return f"{number:,}"
    figures, _, exponent = f"{Decimal(number):.1e}".partition("e+")
    return f"about {figures} x 10^{exponent}"
