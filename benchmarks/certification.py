"""A certification of the demonstration: its time, and what remains of the front of a search.

    python -m benchmarks.certification [--seeds 5] [--searches 1] [--example FOLDER] [--json]

Runs the demonstration once for each search, with its number as seed, then ``mgnas certify`` on it. The two commands are
timed separately. ``--example`` keeps what the last certification shows: its study file, tables and figures.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.machine import describe_machine
from results.open import open_study

MGNAS = [sys.executable, "-P", "-c", "from search.cli.main import main; main()"]


def timed(*arguments: str) -> tuple[float, str]:
    """Run one command of mgnas, and return its seconds and its standard output."""
    began = time.perf_counter()
    run = subprocess.run([*MGNAS, *arguments], check=True, capture_output=True, text=True)
    return round(time.perf_counter() - began, 1), run.stdout


def measure(seed: int, seeds: int, folder: Path) -> dict[str, Any]:
    """Search and certify once, and return the figures of both."""
    search_s, _ = timed("search", "--seed", str(seed), "--dir", str(folder))
    certify_s, _ = timed("certify", str(folder), "--seeds", str(seeds))
    study = open_study(folder)
    certification = study.certification
    assert certification is not None
    low, high = certification.hypervolume_range
    return {
        "search_seed": seed,
        "seeds": seeds,
        "search_s": search_s,
        "certify_s": certify_s,
        "networks": len(certification.networks),
        "front": len(study.front_records),
        "survived": len(certification.survived),
        "hypervolume": [round(value, 4) for value in (low, certification.hypervolume, high)],
        "reported_hypervolume": round(certification.search_hypervolume, 4),
        "mean_gap": round(certification.mean_gap or 0.0, 5),
    }


def keep_example(folder: Path, target: Path) -> None:
    """Copy what a reader can look at: the study file, the tables, and the figures of the report as SVG."""
    target.mkdir(parents=True, exist_ok=True)
    study = open_study(folder)
    for name in ("study.toml", "front.csv", "trials.csv"):
        shutil.copy(folder / name, target / name)
    _, text = timed("front", str(folder), "--json")
    facts = json.loads(text)["certification"] | {"folder": "certification"}
    (target / "certification.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    study.figures(target / "figures", ("svg",))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--searches", type=int, default=1)
    parser.add_argument("--example", type=Path)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    arguments = parser.parse_args()
    runs = []
    with tempfile.TemporaryDirectory() as place:
        for seed in range(arguments.searches):
            folder = Path(place) / "digits" if seed == 0 else Path(place) / f"digits-{seed}"
            runs.append(measure(seed, arguments.seeds, folder))
            print(runs[-1], file=sys.stderr)
        if arguments.example is not None:
            keep_example(folder, arguments.example)
    document = {"benchmark": "certification", "machine": describe_machine(), "n": len(runs), "runs": runs}
    if arguments.json:
        print(json.dumps(document, indent=2))
        return
    for run in runs:
        print("  ".join(f"{key} {value}" for key, value in run.items()))


if __name__ == "__main__":
    main()
