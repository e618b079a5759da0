"""The tensors of a training by name: weights, averages and momentum."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from trainers.optim.averaging import WeightAverage
from trainers.optim.optimizer import Optimizer

MOMENTUM = "momentum_buffer"


def collect_tensors(
    network: nn.Module, optimizers: Sequence[Optimizer], average: WeightAverage | None
) -> dict[str, Tensor]:
    """Return copies on the CPU, named ``network/NAME``, ``average/NAME`` and ``momentum_buffer/NAME``."""
    tensors = {f"network/{name}": tensor for name, tensor in network.state_dict().items()}
    for name, parameter in network.named_parameters():
        for optimizer in optimizers:
            if parameter in optimizer.buffers:
                tensors[f"{MOMENTUM}/{name}"] = optimizer.buffers[parameter]
    if average is not None:
        tensors |= {f"average/{name}": tensor for name, tensor in average.tensors.items()}
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}


@torch.no_grad()
def restore_tensors(
    tensors: dict[str, Tensor],
    network: nn.Module,
    optimizers: Sequence[Optimizer],
    average: WeightAverage | None,
) -> None:
    """Restore tensors from ``collect_tensors`` into a network of the same spec, its optimisers and its average."""
    parts: dict[str, dict[str, Tensor]] = {}
    for full_name, tensor in tensors.items():
        part, _, name = full_name.partition("/")
        parts.setdefault(part, {})[name] = tensor
    network.load_state_dict(parts.pop("network"))
    averages = parts.pop("average", {})
    if average is not None:
        for name, tensor in average.tensors.items():
            tensor.copy_(averages[name])
    parameters = dict(network.named_parameters())
    owners = {weight: one for one in optimizers for group in one.groups for weight in group.weights}
    for name, tensor in parts.pop(MOMENTUM, {}).items():
        weight = parameters[name]
        owners[weight].buffers[weight] = torch.empty_like(weight).copy_(tensor)
