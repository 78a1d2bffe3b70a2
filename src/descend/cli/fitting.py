"""One training run with its progress, for data of every kind, and the files that describe it."""

from __future__ import annotations

import csv
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from descend import DivergenceError, History, InterruptedWarning, Network, Sequences, callbacks
from descend.cli import show
from descend.cli.baselines import Lead
from descend.cli.bundle import Facts
from descend.cli.recipe import Settings, loss_for
from descend.cli.scoring import Scores
from descend.data.errors import DataError
from descend.data.splitting import Split
from descend.data.targets import ClassTarget, Target
from descend.training.diagnosis import Diagnosis

if TYPE_CHECKING:
    from descend.cli.arrays.bundle import ArrayBundle
    from descend.cli.arrays.preparing import PreparedArrays
    from descend.cli.arrays.recipe import ArrayRecipe
    from descend.cli.bundle import Bundle
    from descend.cli.recipe import Recipe
    from descend.data.preparing import Prepared

MODEL, HISTORY, REPORT = "model.descend", "history.csv", "report.html"
#: A planned training is looked into so many times: enough for a curve, and some milliseconds in all.
MEASUREMENTS = 60


@dataclass(frozen=True)
class Outcome:
    """What came out of a training, whatever its data, for the printed table and the report.

    Attributes
    ----------
    bundle : Bundle or ArrayBundle
    prepared : Prepared or PreparedArrays
    recipe : Recipe or ArrayRecipe
    history : History
    outputs : (test rows,) or (test rows, classes)
    scores : dict of str to Scores
        Of the network and the baselines, on the test rows.
    seconds : float
        Of training.
    diagnosis : Diagnosis
        What looks wrong about the training, in the words of the command line.
    """

    bundle: Bundle | ArrayBundle
    prepared: Prepared | PreparedArrays
    recipe: Recipe | ArrayRecipe
    history: History
    outputs: NDArray[np.float64]
    scores: dict[str, Scores]
    seconds: float
    diagnosis: Diagnosis


def fit(
    network: Network,
    X: NDArray | Sequences,
    y: NDArray,
    split: Split,
    target: Target,
    settings: Settings,
    *,
    threads: int | None,
    quiet: bool,
) -> History:
    """Train a network on the rows to train on, watched by a monitor.

    Parameters
    ----------
    network : Network
    X : (rows, ...) as the network takes them
    y : (rows,) class numbers, or numbers in the target's unit
    split : Split
    target : Target
    settings : Settings
    threads : int or None
    quiet : bool
        Whether progress is not shown.

    Raises
    ------
    DivergenceError
        When the loss becomes infinite.
    """
    y = y if isinstance(target, ClassTarget) else target.encode(y)
    updates = -(-len(split.train) // settings.batch_size) * settings.epochs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InterruptedWarning)
        return network.fit(
            X[split.train],
            y[split.train],
            loss=loss_for(target),
            optimizer=settings.optimizer(),
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            validation_data=(X[split.validation], y[split.validation]),
            callbacks=[
                callbacks.EarlyStopping(patience=settings.patience),
                callbacks.Monitor(every=max(1, updates // MEASUREMENTS)),
            ],
            metrics=["accuracy"] if isinstance(target, ClassTarget) else [],
            time_budget=settings.time_budget,
            threads=threads,
            verbose=0 if quiet else 1,
        )


def timed(learn: Callable[[], tuple[Network, History]], settings: Settings) -> tuple[Network, History, float]:
    """Run a training; say what ended it when that was not the end of its epochs.

    Parameters
    ----------
    learn : callable
        Returns the trained network and its history.
    settings : Settings

    Returns
    -------
    The same, and the seconds it took

    Raises
    ------
    DataError
        When the loss became infinite.
    KeyboardInterrupt
        When it was interrupted before its first epoch ended.
    """
    started = time.perf_counter()
    try:
        network, history = learn()
    except DivergenceError as error:
        raise DataError(
            f"The loss became infinite in epoch {error.epoch}; use a smaller --lr than {settings.learning_rate:g}"
            + (f", or a smaller --weight-decay than {settings.weight_decay:g}." if settings.weight_decay > 1 else ".")
        ) from None
    seconds = time.perf_counter() - started
    if history.stop_reason == "interrupted":
        if not history.epoch:
            raise KeyboardInterrupt
        show.interrupted()
    return network, history, seconds


def budget_remark(outcome: Outcome) -> str:
    """A sentence about a training that its time budget ended; empty when it was not.

    Parameters
    ----------
    outcome : Outcome
    """
    recipe, reached = outcome.recipe, len(outcome.history)
    if outcome.history.stop_reason != "time_budget" or reached == recipe.epochs:
        return ""
    advice = f"; with --epochs {reached - 1} it would fall to 0 within that time" if reached > 1 else ""
    return (
        f"The time budget of {recipe.time_budget:g} s ended the training in epoch {reached} of {recipe.epochs}, with "
        f"the learning rate still at {outcome.history.learning_rate[-1]:.3g}{advice}."
    )


def facts_of(
    prepared: Prepared | PreparedArrays,
    data: Path,
    seed: int,
    recipe: dict,
    compared: tuple[dict[str, Scores], Lead | None],
) -> Facts:
    """The record of a run.

    Parameters
    ----------
    prepared : Prepared or PreparedArrays
    data : Path
    seed : int
    recipe : dict
        All settings by name.
    compared : tuple
        The scores by the model's name and the linear model's lead, as `baselines.compare` gives them.
    """
    scores, lead = compared
    split = prepared.split
    return Facts(
        task=prepared.task.reason,
        data=data.resolve().name,
        rows={"train": len(split.train), "validation": len(split.validation), "test": len(split.test)},
        seed=seed,
        recipe=recipe,
        scores=scores,
        created=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        lead=None if lead is None else asdict(lead),
        known=prepared.known.to_record(),
    )


def write_history(path: Path, history: History) -> None:
    """Write one line per epoch.

    Parameters
    ----------
    path : Path
    history : History
    """
    columns = history.columns()
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(
            [f"{value:.8g}" if isinstance(value, float) else value for value in row]
            for row in zip(*columns.values(), strict=True)
        )
