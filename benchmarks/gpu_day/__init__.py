"""The queue of GPU runs, most wanted first: ``python -m benchmarks.gpu_day``.

``steps`` says what is run, ``queue`` runs it within a time limit, ``parcels`` carries the folder from run to run. The
queue needs the packages ``REQUIRED`` and the checkout; mgnas itself need not be installed.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec

REQUIRED = (
    *(
        "torch",
        "torchvision",
        "numpy",
        "scipy",
        "sklearn",
        "pandas",
        "PIL",
        "safetensors",
        "pydantic",
        "optuna",
    ),
    *(
        "sqlalchemy",
        "moocore",
        "threadpoolctl",
        "tomli_w",
        "typer",
        "rich",
        "pytest",
        "xdist",
        "pytest_timeout",
    ),
    "hypothesis",
)
"""The packages that the steps import, by the names of their modules."""


def check_packages(names: Iterable[str] = REQUIRED) -> None:
    """Check that packages are installed, before a run spends time on a GPU.

    Raises:
        ImportError: Packages are missing; the message names all of them.
    """
    missing = [name for name in names if find_spec(name) is None]
    if missing:
        raise ImportError(
            f"the queue of GPU runs needs packages that are not installed: {', '.join(missing)}"
        )


check_packages()
