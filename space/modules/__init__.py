"""Networks as torch modules, and their weights on disk. This package imports torch."""

from space.modules.build import build
from space.modules.mgnet import MgNet
from space.modules.weights import Classifier, Trained, load_weights, save_weights

__all__ = ["Classifier", "MgNet", "Trained", "build", "load_weights", "save_weights"]
