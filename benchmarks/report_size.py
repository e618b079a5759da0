"""The report of a large study: time to write it, its size, and the time to open it in headless Chromium.

    python -m benchmarks.report_size [--trials 5000] [--repeats 5] [--json]

The study is made up (``benchmarks.made_up_study``). Each repeat writes the report in a new process, by the command of
users, and opens it in a new browser. The times of the page count from the begin of its navigation:

- load: the page's ``load`` event; it answers from now on
- first chart: the chart of the front is drawn
- all charts: every chart of the page is drawn
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.machine import describe_machine
from benchmarks.made_up_study import write_made_up_study
from results.storage.study_files import REPORT
from tests.support.browser import CHROMIUM, Browser

UNITS = {
    "write": "s", "write, CPU": "s", "size": "MB", "load": "s", "first chart": "s", "first chart, CPU": "s",
    "all charts": "s", "all charts, CPU": "s",
}  # fmt: skip
"""The measured figures and their units; CPU is the CPU time of the command, or of the page's main thread."""
_CHILD = """
import resource, sys
from search.cli.main import main
try:
    main()
finally:
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(used.ru_utime + used.ru_stime, file=sys.stderr)
"""
_DRAWN = """new Promise((resolve) => {
  const check = () => {
    const plots = [...document.querySelectorAll(SELECTOR)];
    if (plots.length && plots.every((plot) => plot.querySelector(".main-svg"))) resolve(performance.now() / 1000);
    else setTimeout(check, 5);
  };
  check();
})"""


def measure(folder: Path) -> dict[str, float]:
    """Return the figures of one report of a study, by the names of ``UNITS``."""
    began = time.perf_counter()
    command = [sys.executable, "-c", _CHILD, "report", str(folder)]
    written = subprocess.run(command, check=True, capture_output=True, text=True)
    found = {"write": time.perf_counter() - began, "write, CPU": float(written.stderr.split()[-1])}
    report = folder / REPORT
    found["size"] = report.stat().st_size / 1e6
    with Browser() as browser:
        browser.call("Performance.enable")
        browser.open(report)
        found["load"] = browser.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd / 1000")
        for name, selector in (("first chart", "#chart-front"), ("all charts", "main .plot")):
            found[name] = browser.evaluate(_DRAWN.replace("SELECTOR", json.dumps(selector)))
            metrics = browser.call("Performance.getMetrics")["metrics"]
            found[f"{name}, CPU"] = next(one["value"] for one in metrics if one["name"] == "ThreadTime")
        assert not browser.messages, browser.messages
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=5000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--study", type=Path, help="a study's folder instead of a made-up study")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    asked = parser.parse_args(arguments)
    if CHROMIUM is None:
        parser.error("there is no Chromium or Chrome; install one of them")
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.study or Path(temporary) / "study"
        if asked.study is None:
            write_made_up_study(folder, asked.trials)
        found = [measure(folder) for _ in range(asked.repeats)]
    summary = {
        name: {
            kind: round(of([one[name] for one in found]), 2)
            for kind, of in (("min", min), ("median", statistics.median), ("max", max))
        }
        for name in UNITS
    }
    if asked.json:
        document = {"benchmark": "report_size", "units": UNITS, "machine": describe_machine()}
        print(
            json.dumps(document | {"n": asked.repeats, "trials": asked.trials, "summary": summary}, indent=2)
        )
        return
    for name, values in summary.items():
        spread = f"min {values['min']:<7} median {values['median']:<7} max {values['max']:<7}"
        print(f"{name:<16} {spread} {UNITS[name]}")


if __name__ == "__main__":
    main()
