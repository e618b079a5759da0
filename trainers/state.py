"""The tensors of a training, gathered under names and put back: weights, averages, the optimiser's."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from trainers.averaging import WeightAverage


def collect_tensors(
    network: nn.Module, optimizers: Sequence[torch.optim.Optimizer], average: WeightAverage | None
) -> dict[str, Tensor]:
    """Return copies on the CPU: ``network/NAME``, ``average/NAME``, and ``KEY/NAME`` of the optimisers."""
    tensors = {f"network/{name}": tensor for name, tensor in network.state_dict().items()}
    for name, parameter in network.named_parameters():
        for optimizer in optimizers:
            for key, value in optimizer.state.get(parameter, {}).items():
                if isinstance(value, Tensor):
                    tensors[f"{key}/{name}"] = value
    if average is not None:
        tensors |= {f"average/{name}": tensor for name, tensor in average.tensors.items()}
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}


@torch.no_grad()
def restore_tensors(
    tensors: dict[str, Tensor],
    network: nn.Module,
    optimizers: Sequence[torch.optim.Optimizer],
    average: WeightAverage | None,
) -> None:
    """Put back what ``collect_tensors`` returned for a network of the same spec."""
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
    owners = {id(p): o for o in optimizers for group in o.param_groups for p in group["params"]}
    for key, of_parameters in parts.items():
        for name, tensor in of_parameters.items():
            parameter = parameters[name]
            state = owners[id(parameter)].state[parameter]
            state[key] = torch.empty_like(parameter).copy_(tensor)
