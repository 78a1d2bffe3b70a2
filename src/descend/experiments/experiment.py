"""What an experiment is, and how one is run and kept. The experiments are modules beside this one."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from descend.experiments.verdicts import Condition, Verdict, judge

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: What was measured, by name: arrays whose first axis counts the seeds.
Measurements = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Effort:
    """How much work a run may do: 1 is what an experiment's verdict is meant for, less is a rehearsal."""

    share: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"effort must be above 0 and at most 1, got {self.share!r}")

    def of(self, number: int, *, least: int = 1) -> int:
        """That share of a number of epochs or steps."""
        return max(least, round(number * self.share))

    def thin(self, values: Sequence[float]) -> tuple[float, ...]:
        """That share of the values to choose from, evenly spaced, at least two."""
        count = min(len(values), max(2, round(len(values) * self.share)))
        return tuple(float(values[round(k)]) for k in np.linspace(0, len(values) - 1, count))


@dataclass(frozen=True)
class Experiment:
    """A claim and how it is tested.

    Attributes
    ----------
    name : how it is asked for
    title : a few words for a list
    claim : what textbooks say, as one sentence that can be wrong
    setup : data, network, training: what was done
    measured : the quantity and the bound it is held against, in words
    measure : one seed's measurements by name, given the seed and the effort
    conditions : the conditions of the claim, from all seeds' measurements
    draw : draws the picture into an empty figure
    seeds : how many by default
    size : of the picture in inches
    """

    name: str
    title: str
    claim: str
    setup: str
    measured: str
    measure: Callable[[int, Effort], Mapping[str, ArrayLike]]
    conditions: Callable[[Measurements], Sequence[Condition]]
    draw: Callable[[Measurements, Figure], None]
    seeds: int = 20
    size: tuple[float, float] = (10.0, 4.4)

    def judge(self, measurements: Measurements) -> Verdict:
        """The verdict that measurements lead to, whoever made them."""
        return judge(self.conditions(measurements))

    def run(
        self,
        *,
        seeds: int | None = None,
        effort: float = 1.0,
        progress: Callable[[int, int], None] | None = None,
    ) -> Outcome:
        """Measure over seeds 0, 1, 2, ... and judge.

        Parameters
        ----------
        seeds : int, default: None
            None means the experiment's own number.
        effort : float, default: 1.0
            Share of the epochs or steps; below 1 the verdict is that of a rehearsal.
        progress : callable, default: None
            Called with the number of seeds done and of all seeds, after each.

        Raises
        ------
        ValueError
            For fewer than one seed, or an effort that is not above 0 and at most 1.
        """
        count = self.seeds if seeds is None else seeds
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise ValueError(f"seeds must be an integer >= 1, got {seeds!r}")
        from threadpoolctl import threadpool_limits

        share = Effort(effort)
        rows: list[Mapping[str, ArrayLike]] = []
        # NumPy's threads would only wait for each other: the matrices are small.
        with threadpool_limits(1, user_api="blas"):
            for seed in range(count):
                rows.append(self.measure(seed, share))
                if progress is not None:
                    progress(seed + 1, count)
        measurements = {name: np.stack([np.asarray(row[name]) for row in rows]) for name in rows[0]}
        return Outcome(self, measurements, self.judge(measurements), effort)


@dataclass(frozen=True)
class Outcome:
    """What a run of an experiment gave.

    Attributes
    ----------
    experiment : Experiment
    measurements : dict of str to ndarray of shape (seeds, ...)
    verdict : Verdict
    effort : float
    """

    experiment: Experiment
    measurements: Measurements
    verdict: Verdict
    effort: float

    def plot(self) -> Figure:
        """Draw the picture; the figure is not registered with pyplot and needs no closing."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=self.experiment.size, layout="constrained")
        self.experiment.draw(self.measurements, figure)
        return figure

    def to_dict(self) -> dict[str, Any]:
        """The claim, the set-up and the verdict with its numbers, as plain data that JSON can hold."""
        experiment = self.experiment
        verdict = asdict(self.verdict)
        for finding in verdict["findings"]:
            made = finding["estimate"]
            finding["estimate"] = {name: value if math.isfinite(value) else None for name, value in made.items()}
        return {
            "name": experiment.name,
            "claim": experiment.claim,
            "setup": experiment.setup,
            "measured": experiment.measured,
            "effort": self.effort,
            "verdict": verdict,
        }

    def save(self, folder: str | Path) -> list[Path]:
        """Write NAME.json (verdict and numbers), NAME.npz (measurements), NAME.png and NAME.svg (picture).

        Parameters
        ----------
        folder : str or path
            Made when it is not there.

        Returns
        -------
        list of Path
            The files, in that order.

        Raises
        ------
        OSError
            When something cannot be written.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{self.experiment.name}.{ending}" for ending in ("json", "npz", "png", "svg")]
        paths[0].write_text(json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        np.savez_compressed(paths[1], allow_pickle=False, **dict(self.measurements))
        figure = self.plot()
        figure.savefig(paths[2], dpi=160)
        figure.savefig(paths[3], metadata={"Date": None})
        return paths
