"""Counting on the built network, for families that have no formulas: exact, but it takes milliseconds."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from space.counts import LayerCount
from space.errors import InvalidInputError, shortened
from space.modules.build import build
from space.spec import Spec

BATCH = 10_007
"""Images of the call that is counted: a number that no other side of a tensor has, and free of charge."""


@lru_cache(maxsize=4096)
def built_layers(spec: Spec, image_size: tuple[int, int]) -> tuple[LayerCount, ...]:
    """Return a row for each module with weights or MACs of its own, in the order in which they are called.

    The network is built and called on torch's meta device, which computes shapes and nothing else. What
    belongs to no such module (a parameter of the whole network, memory kept between modules) is in a last
    row ``(between layers)``.

    Raises:
        InvalidInputError: the family's builder or its network fails.
    """
    try:
        return tuple(_count(spec, image_size))
    except InvalidInputError:
        raise
    except Exception as error:  # the code is the user's: whatever it raises is to be told in one line
        raise InvalidInputError(
            f"{shortened(spec.notation)} cannot be built for images of {image_size[0]} x {image_size[1]}: "
            f"{type(error).__name__}: {shortened(str(error))}"
        ) from error


class _Tally:
    """What one module was seen to do."""

    def __init__(self, name: str, module: nn.Module) -> None:
        self.name = name
        self.kind = type(module).__name__
        self.params = 0
        self.flops = 0
        self.uses = 0
        self.saved = 0
        self.out: tuple[int, int, int] = (0, 0, 0)


def _count(spec: Spec, image_size: tuple[int, int]) -> list[LayerCount]:
    with torch.device("meta"):
        network = build(spec).train()
        images = torch.empty(BATCH, spec.in_channels, *image_size)
    own_params: dict[int, str] = {}
    tallies = {name: _Tally(name or "(between layers)", module) for name, module in network.named_modules()}
    for name, module in network.named_modules():
        for parameter in module.parameters(recurse=False):
            if id(parameter) not in own_params:
                own_params[id(parameter)] = name
                tallies[name].params += parameter.numel()
    logits = _run(network, images, tallies)
    if tuple(logits.shape) != (BATCH, spec.num_classes):
        given = " x ".join("N" if side == BATCH else str(side) for side in logits.shape)
        raise InvalidInputError(
            f"{shortened(spec.notation)} must map N images to logits N x {spec.num_classes}, but gave {given}"
        )
    rows = [
        LayerCount(
            t.name, t.kind, t.params, t.flops // (2 * BATCH), t.out,
            uses=max(t.uses, 1), activation_bytes=t.saved // BATCH,
        )
        for t in tallies.values()
        if t.params or t.flops or t.saved
    ]  # fmt: skip
    return sorted(rows, key=lambda row: row.name == "(between layers)")


def _run(network: nn.Module, images: Tensor, tallies: dict[str, _Tally]) -> Tensor:
    """Call the network on a batch, noting for each module its FLOPs and what autograd keeps of it."""
    stack = [""]
    seen: set[Any] = {tensor.untyped_storage()._cdata for tensor in network.state_dict().values()}
    alive: list[Tensor] = []
    handles = []

    def entering(name: str) -> Any:
        return lambda _module, _args: stack.append(name)

    def leaving(name: str) -> Any:
        def note(_module: nn.Module, _args: Any, output: Any) -> None:
            stack.pop()
            tally = tallies[name]
            tally.uses += 1
            if isinstance(output, Tensor):
                shape = (*output.shape[1:], 1, 1, 1)
                tally.out = shape[:3]

        return note

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in seen and tensor.shape[:1] == images.shape[:1]:
            seen.add(storage._cdata)
            alive.append(tensor)  # so that its place in memory is not given to another one
            tallies[stack[-1]].saved += storage.nbytes()
        return tensor

    for name, module in network.named_modules():
        if name:
            handles.append(module.register_forward_pre_hook(entering(name)))
            handles.append(module.register_forward_hook(leaving(name)))
    with (
        FlopCounterMode(display=False) as counter,
        torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t),
    ):
        logits: Tensor = network(images)
    for handle in handles:
        handle.remove()
    # the whole network is there under its own name, and as "Global" once more
    totals = {
        name.partition(".")[2]: sum(flops.values())
        for name, flops in counter.get_flop_counts().items()
        if name != "Global"
    }
    _note_own_flops(totals, tallies)
    return logits


def _note_own_flops(totals: dict[str, int], tallies: dict[str, _Tally]) -> None:
    """Give each module its FLOPs without those of the modules that were called inside it."""
    for name, flops in totals.items():
        tallies[name].flops += flops
        around = name
        while around:
            around = around.rpartition(".")[0]  # a list of modules is around some, but never called
            if around in totals:
                tallies[around].flops -= flops
                break
