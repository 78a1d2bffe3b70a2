"""descend: neural networks for people who work on a CPU.

Everything here is loaded when it is first used, so that importing the package takes no time.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from descend import (
        callbacks,
        data,
        experiments,
        initializers,
        layers,
        losses,
        metrics,
        networks,
        optimizers,
        penalties,
        plots,
        schedules,
    )
    from descend.engine.sequences import Sequences
    from descend.estimators import (
        MLPClassifier,
        MLPRegressor,
        NetworkClassifier,
        NetworkRegressor,
        Perceptron,
        SigmoidNeuron,
    )
    from descend.model import ModelFileError, Network
    from descend.training.errors import DivergenceError, InterruptedWarning
    from descend.training.history import History

    __version__: str

__all__ = [
    "DivergenceError",
    "History",
    "InterruptedWarning",
    "MLPClassifier",
    "MLPRegressor",
    "ModelFileError",
    "Network",
    "NetworkClassifier",
    "NetworkRegressor",
    "Perceptron",
    "Sequences",
    "SigmoidNeuron",
    "__version__",
    "callbacks",
    "data",
    "experiments",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "networks",
    "optimizers",
    "penalties",
    "plots",
    "schedules",
]

#: Where each class lives.
_CLASSES = {
    "DivergenceError": "descend.training.errors",
    "History": "descend.training.history",
    "InterruptedWarning": "descend.training.errors",
    "MLPClassifier": "descend.estimators",
    "MLPRegressor": "descend.estimators",
    "ModelFileError": "descend.model",
    "Network": "descend.model",
    "NetworkClassifier": "descend.estimators",
    "NetworkRegressor": "descend.estimators",
    "Perceptron": "descend.estimators",
    "Sequences": "descend.engine.sequences",
    "SigmoidNeuron": "descend.estimators",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        value = version("descend")
    elif name in _CLASSES:
        value = getattr(import_module(_CLASSES[name]), name)
    elif name in __all__:
        value = import_module(f"descend.{name}")
    else:
        raise AttributeError(f"module 'descend' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
