"""A plain training loop as a baseline: torchvision's transforms, a DataLoader, float32, SGD."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from trainers.data.splits import SearchData, Split


class ImageSet(Dataset[tuple[Tensor, int]]):
    """Pillow images, transformed one by one like those of torchvision's data sets."""

    def __init__(self, split: Split, transform: transforms.Compose) -> None:
        self.images = np.asarray(split.images[:])
        self.labels = split.labels.tolist()
        self.transform = transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        pixels = self.images[index]
        image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
        return self.transform(image), self.labels[index]


class PlainLoop:
    """Trains ``network`` on ``data`` like a tutorial."""

    def __init__(
        self,
        network: nn.Module,
        data: SearchData,
        *,
        device: torch.device,
        epochs: int,
        batch_size: int,
        lr: float,
        augment: int,
    ) -> None:
        self.network = network.to(device)
        self.device = device
        self.batch_size = batch_size
        pixels = np.asarray(data.train.images[:], dtype=np.float32) / 255
        normalise = transforms.Normalize(
            pixels.mean(axis=(0, 1, 2)).tolist(), pixels.std(axis=(0, 1, 2)).tolist()
        )
        changes = (
            [transforms.RandomCrop(data.image_size, padding=augment, padding_mode="reflect")]
            if augment
            else []
        )
        changes += [transforms.RandomHorizontalFlip()] if augment else []
        train_set = ImageSet(data.train, transforms.Compose([*changes, transforms.ToTensor(), normalise]))
        val_set = ImageSet(data.val, transforms.Compose([transforms.ToTensor(), normalise]))
        self.train_loader = DataLoader(train_set, batch_size, shuffle=True, num_workers=2, drop_last=True)
        self.val_loader = DataLoader(val_set, 256, num_workers=2)
        self.optimizer = torch.optim.SGD(
            network.parameters(), lr=lr, momentum=0.9, weight_decay=5e-4, nesterov=True
        )
        total = max(1, epochs * len(self.train_loader))
        self.scheduler = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, max_lr=lr, total_steps=total, pct_start=0.2, anneal_strategy="linear"
        )

    @property
    def images_an_epoch(self) -> int:
        return len(self.train_loader) * self.batch_size

    def train_epoch(self) -> float:
        self.network.train()
        running_loss = 0.0
        for images, labels in self.train_loader:
            images, labels = images.to(self.device), labels.to(self.device)
            self.optimizer.zero_grad()
            loss = F.cross_entropy(self.network(images), labels)
            loss.backward()
            self.optimizer.step()
            self.scheduler.step()
            running_loss += loss.item()
        return running_loss / len(self.train_loader)

    @torch.no_grad()
    def accuracy(self) -> float:
        self.network.eval()
        right = total = 0
        for images, labels in self.val_loader:
            images, labels = images.to(self.device), labels.to(self.device)
            right += int((self.network(images).argmax(1) == labels).sum())
            total += len(labels)
        return right / total
