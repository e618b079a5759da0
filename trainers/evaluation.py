"""The evaluation of a network on the validation split."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from trainers.data.device_data import DeviceData
from trainers.reports import Scores


@torch.inference_mode()
def evaluate(
    logits_of: Callable[[Tensor], Tensor], data: DeviceData, batch_size: int, *, flip: bool
) -> Scores:
    """Return the loss and the correct images of each class.

    Args:
        logits_of: Returns logits N K for images N C H W.
        data: The images on their device.
        batch_size: Images of one forward pass.
        flip: Whether the logits of an image and its mirror image are averaged.
    """
    num_classes = data.search_data.num_classes
    loss_sum = torch.zeros((), device=data.device)
    num_right = torch.zeros(num_classes, device=data.device, dtype=torch.int64)
    for images, labels in data.val_batches(batch_size):
        logits = logits_of(images)
        if flip:
            logits = (logits + logits_of(images.flip(3))) / 2
        loss_sum += F.cross_entropy(logits, labels, reduction="sum")
        num_right.index_add_(0, labels, (logits.argmax(dim=1) == labels).long())
    counts = torch.bincount(data.val_labels, minlength=num_classes)
    loss = loss_sum.item() / len(data.val_labels)
    return Scores(loss, tuple(num_right.tolist()), tuple(counts.tolist()))
