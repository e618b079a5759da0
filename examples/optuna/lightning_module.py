"""Search a Lightning module: accuracy against parameters, with early stopping by a callback.

    python examples/optuna/lightning_module.py [--trials 12] [--epochs 9]

Needs lightning.
"""

from __future__ import annotations

import argparse
import logging
import warnings
from typing import Any

import lightning
import optuna
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from mgnas.optuna import EarlyStopping, FrontierSampler

CLASSES = 10


class Digits(lightning.LightningModule):
    """A convolutional network for digits of 8 x 8 pixels."""

    def __init__(self, width: int, kernel: int, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.net = nn.Sequential(
            nn.Conv2d(1, width, kernel, padding="same"), nn.ReLU(),
            nn.Conv2d(width, width, kernel, stride=2), nn.ReLU(),
            nn.Flatten(), nn.LazyLinear(CLASSES),
        )  # fmt: skip

    def training_step(self, batch: list[Tensor]) -> Tensor:
        images, labels = batch
        loss = nn.functional.cross_entropy(self.net(images), labels)
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: list[Tensor]) -> None:
        images, labels = batch
        self.log("accuracy", (self.net(images).argmax(1) == labels).float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.rate)


class StopEarly(lightning.Callback):
    """Reports the accuracy after each epoch, and ends a trial that is behind others of its size."""

    def __init__(self, trial: optuna.Trial, stopping: EarlyStopping) -> None:
        self._trial, self._stopping = trial, stopping
        self.is_behind = False

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        found = trainer.callback_metrics
        self.is_behind = self._stopping.report(
            self._trial,
            trainer.current_epoch + 1,
            found["accuracy"].item(),
            train_loss=found["train_loss"].item(),
        )
        trainer.should_stop = trainer.should_stop or self.is_behind


def num_params(params: dict[str, Any]) -> int:
    """The second objective, known before the training."""
    width, kernel = params["width"], params["kernel"]
    side = (8 - kernel) // 2 + 1
    conv = width * kernel**2 * (1 + width) + 2 * width
    return conv + (width * side**2 + 1) * CLASSES


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=9)
    arguments = parser.parse_args()
    data = load_digits()
    images = torch.from_numpy(data.images).float()[:, None] / 16
    labels = torch.from_numpy(data.target)
    train = DataLoader(TensorDataset(images[:1300], labels[:1300]), 64, shuffle=True)
    val = DataLoader(TensorDataset(images[1300:], labels[1300:]), 512)
    stopping = EarlyStopping(arguments.epochs, costs=num_params)

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        width = trial.suggest_int("width", 2, 32, log=True)
        kernel = trial.suggest_categorical("kernel", [3, 5])
        rate = trial.suggest_float("rate", 1e-4, 1e-1, log=True)
        lightning.seed_everything(trial.number, verbose=False)
        callback = StopEarly(trial, stopping)
        trainer = lightning.Trainer(
            max_epochs=arguments.epochs, accelerator="cpu", callbacks=[callback], logger=False,
            enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        )  # fmt: skip
        trainer.fit(Digits(width, kernel, rate), train, val)
        if callback.is_behind:
            raise optuna.TrialPruned
        return trainer.callback_metrics["accuracy"].item(), num_params(trial.params)

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    study = optuna.create_study(
        directions=["maximize", "minimize"], sampler=FrontierSampler(num_params, seed=0)
    )
    study.optimize(objective, n_trials=arguments.trials)
    for trial in sorted(study.best_trials, key=lambda trial: trial.values[1]):
        print(f"{trial.values[1]:8,.0f} parameters  {100 * trial.values[0]:5.2f} %  {trial.params}")


if __name__ == "__main__":
    main()
