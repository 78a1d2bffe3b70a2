"""Experiments that test what textbooks claim about neural networks, with a verdict computed from measurements.

`names()` lists them, `get(name)` returns an `Experiment` (its claim, set-up and rule are plain text), and
`run(name)` measures it over seeds and returns an `Outcome`: the verdict with effect sizes and confidence intervals,
the measurements, and a picture. On the command line: `descend experiment list` and `descend experiment run NAME`.

The rule is the same for all and is `judge`'s; what a claim says in numbers stands in each experiment's module.

Examples
--------
>>> from descend import experiments
>>> outcome = experiments.run("linear-stack", seeds=3, effort=0.1)
>>> outcome.verdict.word in ("holds", "does not hold", "holds only under stated conditions")
True
"""

from __future__ import annotations

from pathlib import Path

from descend.experiments import registry
from descend.experiments.descent import Surface, descend_surface
from descend.experiments.experiment import Effort, Experiment, Outcome
from descend.experiments.registry import get
from descend.experiments.statistics import Estimate, estimate
from descend.experiments.verdicts import Condition, Finding, Verdict, judge

__all__ = [
    "Condition",
    "Effort",
    "Estimate",
    "Experiment",
    "Finding",
    "Outcome",
    "Surface",
    "Verdict",
    "descend_surface",
    "estimate",
    "get",
    "judge",
    "names",
    "run",
]


def names() -> list[str]:
    """Names of all experiments, in the order of a lecture."""
    return list(registry.experiments())


def run(name: str, *, seeds: int | None = None, effort: float = 1.0, out: str | Path | None = None) -> Outcome:
    """Run an experiment.

    Parameters
    ----------
    name : str
        One of `names()`.
    seeds : int, default: None
        None means the experiment's own number.
    effort : float, default: 1.0
        Share of the epochs or steps; below 1 the verdict is that of a rehearsal.
    out : str or path, default: None
        A folder for verdict, measurements and picture; nothing is written without it.

    Returns
    -------
    Outcome

    Raises
    ------
    ValueError
        For an unknown name, fewer than one seed, or an effort that is not above 0 and at most 1.
    OSError
        When `out` cannot be written.
    """
    outcome = get(name).run(seeds=seeds, effort=effort)
    if out is not None:
        outcome.save(out)
    return outcome
