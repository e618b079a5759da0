"""Convert the export of a network for phones, and compare the result with the network.

    python convert_export.py exports/best model.pte       ExecuTorch, with XNNPACK; needs executorch
    python convert_export.py exports/best model.tflite    TensorFlow Lite; needs litert-torch

The converters need other versions of torch than mgnas: install each into an environment of its own. The script needs
the files model.py and model.safetensors of the export (--formats python), and no mgnas. The result takes one image:
float32, 1 C H W, pixels from 0 to 1. It is not written if its logits differ.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

TOLERANCE = 1e-3
"""Largest allowed difference of logits, relative to the largest logit, which counts as at least 1."""
NUM_IMAGES = 32
Runner = Callable[[Tensor], Tensor]


def load_export(folder: Path) -> Any:
    """Return the module model.py of an export."""
    spec = importlib.util.spec_from_file_location("exported_network", folder / "model.py")
    if spec is None or spec.loader is None or not (folder / "model.py").is_file():
        sys.exit(f"{folder} has no model.py: export the network with --formats python")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def unshared(network: nn.Module, image: Tensor) -> nn.Module:
    """Return the network as a graph in which each operator has weights of its own.

    The iterations of an MgNet share weights. XNNPACK in ExecuTorch computes such graphs wrongly.
    """
    graph_module: Any = torch.export.export(network, (image,)).module()
    uses: dict[str, int] = {}
    for node in list(graph_module.graph.nodes):
        if node.op != "get_attr":
            continue
        for user in list(node.users):
            uses[node.target] = uses.get(node.target, 0) + 1
            if uses[node.target] == 1:
                continue
            weight = attrgetter(node.target)(graph_module).detach().clone()
            name = f"{node.target.replace('.', '_')}_{uses[node.target]}"
            graph_module.register_buffer(name, weight)
            with graph_module.graph.inserting_before(node):
                user.replace_input_with(node, graph_module.graph.get_attr(name))
    graph_module.recompile()
    return graph_module


def write_pte(network: nn.Module, image: Tensor, path: Path) -> Runner:
    """Write a program of ExecuTorch for XNNPACK and return the function from an image to its logits."""
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower
    from executorch.runtime import Runtime

    program = torch.export.export(unshared(network, image), (image,))
    lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()]).to_executorch()
    path.write_bytes(lowered.buffer)
    method = Runtime.get().load_program(path).load_method("forward")
    return lambda one: method.execute([one])[0].clone()


def write_tflite(network: nn.Module, image: Tensor, path: Path) -> Runner:
    """Write a file of TensorFlow Lite and return the function from an image to its logits."""
    import litert_torch

    model = litert_torch.convert(network, (image,))
    model.export(str(path))
    return lambda one: torch.as_tensor(model(one))


WRITERS: dict[str, Callable[[nn.Module, Tensor, Path], Runner]] = {".pte": write_pte, ".tflite": write_tflite}


def compare(network: nn.Module, run: Runner, images: Tensor) -> tuple[float, float, float]:
    """Return the largest difference of logits, the largest allowed one, and the share of equal classes."""
    with torch.no_grad():
        expected = network(images)
    found = torch.cat([run(image[None]).reshape(1, -1) for image in images])
    limit = TOLERANCE * max(1.0, float(expected.abs().max()))
    equal = float((found.argmax(1) == expected.argmax(1)).float().mean())
    return float((found - expected).abs().max()), limit, equal


def main(arguments: list[str]) -> int:
    """Convert an export; return the exit code: 1 if the result computes other logits."""
    if len(arguments) != 2 or Path(arguments[1]).suffix not in WRITERS:
        sys.stderr.write("usage: python convert_export.py EXPORT FILE.pte | FILE.tflite\n")
        return 2
    folder, path = Path(arguments[0]), Path(arguments[1])
    module = load_export(folder)
    network = module.load(folder).eval()
    torch.manual_seed(0)
    images = torch.rand(NUM_IMAGES, module.CHANNELS, *module.IMAGE_SIZE)
    part = path.with_name(f"part-{path.name}")
    try:
        run = WRITERS[path.suffix](network, images[:1], part)
        difference, limit, equal = compare(network, run, images)
        print(f"largest difference of logits {difference:.1e}, {100 * equal:.0f} % of the classes agree")
        if not difference <= limit:
            sys.stderr.write(f"{path} was not written: at most {limit:.1e} is allowed\n")
            return 1
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    print(f"{path}: {path.stat().st_size / 1000:.1f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
