"""What the time of a training step depends on: ``python -m benchmarks.step_time [--bfloat16]``.

Times steps of networks of many widths, depths and image sizes on one CPU thread, and fits the time by operations,
bytes of activations and MACs, without negative coefficients and with equal relative weights. Prints Markdown: the
fraction of each on the probes of ``trainers/device/calibration_probes.py``, and the errors of three fits.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import numpy as np
import torch

from benchmarks.machine import describe_machine
from space.modules.build import build
from space.notation.parse import parse_notation
from trainers.data.device_data import Batch
from trainers.device.calibration_probes import PROBES, step_work
from trainers.device.execution import StepMode
from trainers.recipe import Recipe
from trainers.step import TrainStep

NETWORKS = (
    *((probe.notation, probe.image_size, probe.batch_size) for probe in PROBES),
    ("MgNet[2,2]-16-B^l", 8, 64),
    ("MgNet[3,3]-8-B^l", 8, 64),
    ("MgNet[1,1]-4-B^l", 8, 64),
    ("MgNet[2,2]-32-B^l", 8, 64),
    ("MgNet[2,2,2]-[4,8,8]-B^l", 16, 64),
    ("MgNet[2,2,2]-[8,16,24]-B^l", 16, 64),
    ("MgNet[1,1,1]-[24,48,64]-B^l", 16, 64),
    ("MgNet[1,1]-8-B^l", 28, 64),
    ("MgNet[2,2,2,2]-[8,16,24,32]-B^l", 28, 64),
    ("MgNet[2,2,2]-[4,8,8]-B^l", 32, 64),
    ("MgNet[3,2,3]-[4,8,8]-A^{l,i}-B^l", 32, 128),
    ("MgNet[1,2,2]-[8,12,16]-B^l", 32, 128),
    ("MgNet[4,4,4]-[8,8,8]-B^l", 32, 64),
    ("MgNet[2,2,2]-[16,24,32]-B^l", 32, 64),
    ("MgNet[2,2,2]-[16,32,48]-B^l", 32, 32),
    ("MgNet[2,2,2]-[48,64,96]-B^l", 32, 16),
    ("MgNet[1,1,1,1]-[8,16,16,16]-B^l", 64, 32),
)
"""Notation, height and width in pixels, images of a step."""
CAUSES = ("operations", "activations", "MACs")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bfloat16", action="store_true")
    parser.add_argument("--steps", type=int, default=12, help="timed steps; the least counts")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    mode = StepMode(bfloat16=asked.bfloat16, threads=1)
    work = np.array([step_work(parse_notation(name), (size, size), batch) for name, size, batch in NETWORKS])
    times_s = np.array([least_step_s(*network, mode, asked.steps) for network in NETWORKS])
    print(f"{describe_machine()}\n\n| fit by | coefficients | fitted over measured | rms of its logarithm |")
    print("| --- | --- | --- | --- |")
    for causes in ([0, 2], [0, 1], [0, 1, 2]):
        coefficients, ratio = fit(work[:, causes], times_s)
        name = ", ".join(CAUSES[cause] for cause in causes)
        spread, rms = f"{ratio.min():.2f} to {ratio.max():.2f}", np.sqrt(np.mean(np.log(ratio) ** 2))
        print(f"| {name} | {', '.join(f'{c:.3g}' for c in coefficients)} | {spread} | {rms:.2f} |")
    print("\n| probe | step, ms | operations | activations | MACs |\n| --- | --- | --- | --- | --- |")
    for probe, own, step_s in zip(PROBES, work, times_s, strict=False):
        parts = coefficients * own / (coefficients @ own)
        print(f"| {probe.name} | {1e3 * step_s:.1f} | {' | '.join(f'{part:.2f}' for part in parts)} |")


def fit(work: np.ndarray, times_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients of the least squared relative error, and the fitted over the measured times."""
    from scipy.optimize import nnls

    scale = work.max(axis=0)
    coefficients = nnls(work / scale / times_s[:, None], np.ones(len(times_s)))[0] / scale
    return coefficients, work @ coefficients / times_s


def least_step_s(notation: str, image_size: int, batch_size: int, mode: StepMode, steps: int) -> float:
    """Return the least processor time in seconds of a training step, after two steps of warm-up."""
    spec = parse_notation(notation)
    torch.manual_seed(0)
    network = build(spec).to(memory_format=torch.channels_last)
    images = torch.randn(batch_size, spec.in_channels, image_size, image_size)
    batch = Batch(
        images.contiguous(memory_format=torch.channels_last), torch.arange(batch_size) % spec.num_classes
    )
    step = TrainStep(network, Recipe(), mode)
    times = []
    with mode.applied():
        for _ in range(steps + 2):
            began = time.process_time()
            step(batch, 0.1)
            times.append(time.process_time() - began)
    return min(times[2:])


if __name__ == "__main__":
    main()
