"""Counts of a built network, for families without formulas: exact, in milliseconds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from space.core.errors import InvalidInputError, UnbuildableError, reason_of, shortened
from space.modules.thin_projections import with_thin_projections
from space.networks.counts import LayerCount
from space.networks.spec import Spec

BATCH = 10_007
"""Images of the counted call: a prime that no other side of a tensor has. Meta tensors cost no memory."""
MOST_REMEMBERED = 4096


Builder = Callable[[Any], nn.Module]


def built_params(spec: Spec, build: Builder) -> int:
    """Return the number of parameters of the built network. A shared parameter counts once.

    Raises:
        UnbuildableError: The family's builder fails.
    """
    with unbuildable(spec, "cannot be built"):
        return _remembered(spec, None, lambda: sum(p.numel() for p in _on_meta(spec, build).parameters()))


def built_layers(spec: Spec, image_size: tuple[int, int], build: Builder) -> tuple[LayerCount, ...]:
    """Return one row for each module with its own weights or MACs, in the order of the calls.

    The network is built and called on torch's meta device, which computes shapes only. A last row ``(between
    layers)`` has the rest: parameters of the whole network, and memory kept between modules.

    Raises:
        UnbuildableError: The family's builder or its network fails.
    """
    with unbuildable(spec, f"cannot be built for images of {image_size[0]} x {image_size[1]}"):
        return _remembered(spec, image_size, lambda: tuple(_count(spec, image_size, build)))


_memory: dict[tuple[type[Spec], str, tuple[int, int] | None], Any] = {}
Counted = TypeVar("Counted")


def _remembered(spec: Spec, size: tuple[int, int] | None, count: Callable[[], Counted]) -> Counted:
    """Return the result of ``count``, computed once for equal specs. The key is text, as some specs have no
    hash.
    """
    key = (type(spec), spec.model_dump_json(), size)
    if key not in _memory:
        if len(_memory) >= MOST_REMEMBERED:
            _memory.clear()
        _memory[key] = count()
    found: Counted = _memory[key]
    return found


@contextmanager
def unbuildable(spec: Spec, what: str) -> Iterator[None]:
    """Turn any error of a user's code into an ``UnbuildableError`` of one line."""
    try:
        with redirect_stdout(sys.stderr):  # stdout belongs to the command's document
            yield
    except InvalidInputError:
        raise
    except (Exception, SystemExit) as error:
        raise UnbuildableError(f"{shortened(spec.notation)} {what}: {reason_of(error)}") from error


def _on_meta(spec: Spec, build: Builder) -> nn.Module:
    with torch.device("meta"):
        return with_thin_projections(build(spec.canonical())).train()


class _Tally:
    """The counts of one module during the call."""

    def __init__(self, name: str, module: nn.Module) -> None:
        self.name = name
        self.kind = type(module).__name__
        self.params = 0
        self.flops = 0
        self.uses = 0
        self.saved = 0
        self.out: tuple[int, int, int] = (0, 0, 0)


def _count(spec: Spec, image_size: tuple[int, int], build: Builder) -> list[LayerCount]:
    network = _on_meta(spec, build)
    tallies = {name: _Tally(name or "(between layers)", module) for name, module in network.named_modules()}
    seen: set[int] = set()
    for name, module in network.named_modules():
        for parameter in module.parameters(recurse=False):
            if id(parameter) not in seen:
                seen.add(id(parameter))
                tallies[name].params += parameter.numel()
    with torch.device("meta"):
        logits = _run(network, torch.empty(BATCH, spec.in_channels, *image_size), tallies)
    if tuple(logits.shape) != (BATCH, spec.num_classes):
        given = " x ".join("N" if side == BATCH else str(side) for side in logits.shape)
        raise UnbuildableError(
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
    """Call the network on a batch and tally each module's FLOPs and the tensors that autograd keeps."""
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
        if storage._cdata not in seen and storage.nbytes() % BATCH == 0:
            seen.add(storage._cdata)
            alive.append(tensor)  # keeps its memory from being reused by another tensor
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
    # the counter lists the whole network twice: under its own name and as "Global"
    totals = {
        name.partition(".")[2]: sum(flops.values())
        for name, flops in counter.get_flop_counts().items()
        if name != "Global"
    }
    _note_own_flops(totals, tallies)
    return logits


def _note_own_flops(totals: dict[str, int], tallies: dict[str, _Tally]) -> None:
    """Give each module its FLOPs without those of the modules called inside it."""
    for name, flops in totals.items():
        if name not in tallies:
            continue  # a second name of a module
        tallies[name].flops += flops
        around = name
        while around:
            around = around.rpartition(".")[0]  # may be a ModuleList, which is never called
            if around in totals and around in tallies:
                tallies[around].flops -= flops
                break
