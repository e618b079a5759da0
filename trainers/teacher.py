"""Distillation: a trained network, the teacher, whose logits a training imitates.

Source: Hinton, Vinyals and Dean 2015, "Distilling the Knowledge in a Neural Network". The teacher sees the same
augmented images as the student (Beyer et al. 2022, "Knowledge distillation: A good teacher is patient and consistent").
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from space.core.errors import InvalidInputError
from space.modules import Classifier
from space.modules.blocks import GridNet
from trainers.data.device_data import DeviceData
from trainers.teacher_checks import check_teacher, weights_digest


class Teacher:
    """A trained network on the device of a training.

    Args:
        classifier: The network with its normalisation.
        data: The images of the training, on their device.
        name: The teacher in messages.

    Raises:
        InvalidInputError: As ``check_teacher``.
    """

    def __init__(self, classifier: Classifier, data: DeviceData, name: str = "") -> None:
        check_teacher(classifier.trained, data.search_data, name)
        self.network: nn.Module = classifier.network.to(data.device).eval()
        if isinstance(self.network, GridNet):
            self.network.is_reduced = True
        mean, std = (v.reshape(-1).to(data.device) for v in (classifier.mean, classifier.std))
        self._scale = (data.std / std)[:, None, None]
        self._shift = ((data.mean - mean) / std)[:, None, None]
        self._is_same = torch.equal(mean, data.mean) and torch.equal(std, data.std)

    @torch.no_grad()
    def logits(self, images: Tensor) -> Tensor:
        """Return logits N K, float32, for images N C H W in the normalisation of the training."""
        own = images if self._is_same else images * self._scale + self._shift
        logits: Tensor = self.network(own)
        return logits.float()


def load_teacher(path: str | Path, digest: str, data: DeviceData) -> Teacher:
    """Return the teacher in a file of weights.

    Args:
        path: The file.
        digest: The ``weights_digest`` of the file.
        data: The images of the training, on their device.

    Raises:
        InvalidInputError: The file is missing, damaged or another one, or as ``check_teacher``.
    """
    if not Path(path).is_file():
        raise InvalidInputError(f"there is no file of the teacher's weights {path}; restore it from a copy")
    if weights_digest(Path(path).read_bytes()) != digest:
        raise InvalidInputError(f"{path} is not the teacher {digest} of this study; restore it from a copy")
    return Teacher(Classifier.load(path), data, digest)


def distillation_loss(logits: Tensor, of_teacher: Tensor, temperature: float) -> Tensor:
    """Return T^2 KL(softmax(t / T) || softmax(s / T)), summed over the images, in nats.

    The factor T^2 keeps the size of the gradients at every temperature (Hinton et al. 2015, section 2).

    Args:
        logits: Logits s of the student, N K.
        of_teacher: Logits t of the teacher, N K.
        temperature: T.
    """
    student = F.log_softmax(logits / temperature, dim=1)
    teacher = F.log_softmax(of_teacher / temperature, dim=1)
    return temperature**2 * F.kl_div(student, teacher, reduction="sum", log_target=True)
