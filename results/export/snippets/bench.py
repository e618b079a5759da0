"""Measure the latency of an ONNX network on this machine, without mgnas.

    python bench.py model.onnx [--threads 1] [--seconds 2]

Prints one line of JSON: latency_ms, the median of one image; latency_p95_ms; peak_ram_bytes of this process, with
Python and the runtime; and where it was measured. Needs onnxruntime and numpy.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from typing import Any

WARM_UP = 10
FEWEST = 20


def main() -> None:
    """Measure the network named on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", help="a file of the format onnx")
    parser.add_argument("--threads", type=int, default=1, help="threads of the runtime (default: 1)")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long to measure (default: 2)")
    arguments = parser.parse_args()
    found = measure(arguments.model, arguments.threads, arguments.seconds)
    sys.stdout.write(f"{json.dumps(found)}\n")


def measure(model: str, threads: int, seconds: float) -> dict[str, Any]:
    """Return the figures of one image, which is black: values change no latency."""
    import numpy
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    image = session.get_inputs()[0]
    shape = [size if isinstance(size, int) else 1 for size in image.shape]
    feed = {image.name: numpy.zeros(shape, numpy.float32)}
    for _ in range(WARM_UP):
        session.run(None, feed)
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < FEWEST or time.perf_counter() < end:
        began = time.perf_counter()
        session.run(None, feed)
        times.append(1000 * (time.perf_counter() - began))
    return {
        "latency_ms": statistics.median(times),
        "latency_p95_ms": statistics.quantiles(times, n=20)[-1],
        "peak_ram_bytes": peak_ram_bytes(),
        "runs": len(times),
        "threads": threads,
        "machine": platform.machine(),
        "onnxruntime": onnxruntime.__version__,
    }


def peak_ram_bytes() -> int | None:
    """Return the peak memory of this process; None where the system does not tell it."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


if __name__ == "__main__":
    main()
