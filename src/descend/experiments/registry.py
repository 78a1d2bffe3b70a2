"""All experiments by name. A new one is a module with an EXPERIMENT (or EXPERIMENTS), listed here."""

from __future__ import annotations

import difflib
from importlib import import_module

from descend.experiments.experiment import Experiment

#: Modules in the order of a lecture.
_MODULES = (
    "stacked_linear",
    "vanishing",
    "gradient_flow",
    "dying_relu",
    "momentum_minimum",
    "step_size",
    "learning_rate",
    "batch_size",
    "initial_spread",
    "normalization",
    "paths",
    "races",
    "schedule_gain",
    "gaps",
    "augmenting",
    "l1_zeros",
    "tying",
    "category_embedding",
    "numeric_inputs",
    "accumulation",
)

_known: dict[str, Experiment] = {}


def experiments() -> dict[str, Experiment]:
    """Every experiment by its name, in the order of a lecture."""
    if not _known:
        for module in _MODULES:
            made = import_module(f"descend.experiments.{module}")
            for experiment in getattr(made, "EXPERIMENTS", None) or (made.EXPERIMENT,):
                if experiment.name in _known:
                    raise ValueError(f"two experiments are called {experiment.name!r}; rename one")
                _known[experiment.name] = experiment
    return dict(_known)


def get(name: str) -> Experiment:
    """The experiment of that name.

    Raises
    ------
    ValueError
        When there is none, naming close ones.
    """
    known = experiments()
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name, known, n=3)
    hint = f"did you mean {' or '.join(map(repr, close))}?" if close else "experiments.names() lists them"
    raise ValueError(f"there is no experiment {name!r}; {hint}")
