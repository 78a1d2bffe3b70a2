"""The main job: a table in; a model with its preprocessing, its history and a report out."""

from __future__ import annotations

import csv
import os
import time
import warnings
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from descend import DivergenceError, History, InterruptedWarning, Network, callbacks
from descend.cli import baselines, show
from descend.cli.bundle import Bundle, Facts, as_outputs
from descend.cli.findings import in_our_words
from descend.cli.output import staged_folder
from descend.cli.recipe import Asked, Recipe, choose
from descend.cli.scoring import Scores, score
from descend.data.errors import DataError
from descend.data.preparing import Prepared, PrepareOptions, prepare
from descend.data.reading import ReadOptions, Table, read_table
from descend.data.targets import ClassTarget
from descend.training.diagnosis import Diagnosis
from descend.training.settings import MAX_THREADS

MODEL, HISTORY, REPORT = "model.descend", "history.csv", "report.html"
OURS, LINEAR = "network", "linear model"
#: A weight in training, float32: itself and its transpose, two slots of AdamW, the best so far and one being copied.
BYTES_PER_WEIGHT = 24
#: A planned training is looked into so many times: enough for a curve, and some milliseconds in all.
MEASUREMENTS = 60


@dataclass(frozen=True)
class Job:
    """One call of `descend train`.

    Attributes
    ----------
    data : Path
    target : str
    out : Path
        The folder for the results.
    seed : int
    threads : int or None
    read : ReadOptions
    prepare : PrepareOptions
    asked : Asked
    quiet : bool
        Print errors only.
    """

    data: Path
    target: str
    out: Path
    seed: int = 0
    threads: int | None = None
    read: ReadOptions = field(default_factory=ReadOptions)
    prepare: PrepareOptions = field(default_factory=PrepareOptions)
    asked: Asked = field(default_factory=Asked)
    quiet: bool = False


@dataclass(frozen=True)
class Result:
    """What came out, for the printed table and the report.

    Attributes
    ----------
    bundle : Bundle
    table : Table
    prepared : Prepared
    history : History
    recipe : Recipe
    outputs : (test rows,) or (test rows, classes)
    scores : dict of str to Scores
        Of the network and the baselines, on the test rows.
    seconds : float
        Of training.
    diagnosis : Diagnosis
        What looks wrong about the training, in the words of the command line.
    """

    bundle: Bundle
    table: Table
    prepared: Prepared
    history: History
    recipe: Recipe
    outputs: NDArray[np.float64]
    scores: dict[str, Scores]
    seconds: float
    diagnosis: Diagnosis


def train(job: Job) -> Result:
    """Do the main job and write its three files.

    Parameters
    ----------
    job : Job

    Raises
    ------
    DataError
        When something about the input can be mended; nothing is written then.
    """
    check_job(job)
    table = read_table(job.data, job.read)
    prepared = prepare(table, job.target, job.prepare)
    recipe = choose(len(prepared.split.train), job.asked)
    if not job.quiet:
        show.preparation(table, prepared, recipe)
    with staged_folder(job.out) as stage:
        result = _fit(job, table, prepared, recipe)
        result.bundle.save(stage / MODEL)
        write_history(stage / HISTORY, result.history)
        _report(stage / REPORT, result)
    if not job.quiet:
        show.outcome(result, job.out)
    return result


def check_job(job: Job) -> None:
    """Refuse numbers that are out of range.

    Parameters
    ----------
    job : Job

    Raises
    ------
    DataError
        Naming the option.
    """
    if job.seed < 0 or job.seed >= 2**63:
        raise DataError(f"--seed must be at least 0 and below 2^63, got {job.seed}.")
    if job.threads is not None and not 1 <= job.threads <= MAX_THREADS:
        raise DataError(f"--threads must be from 1 to {MAX_THREADS}, got {job.threads}.")


def _fit(job: Job, table: Table, prepared: Prepared, recipe: Recipe) -> Result:
    X, split, target = prepared.X, prepared.split, prepared.encoder.target
    started = time.perf_counter()
    try:
        network, history = learn(job, prepared, recipe)
    except DivergenceError as error:
        raise DataError(
            f"The loss became infinite in epoch {error.epoch}; use a smaller --lr than {recipe.learning_rate:g}"
            + (f", or a smaller --weight-decay than {recipe.weight_decay:g}." if recipe.weight_decay > 1 else ".")
        ) from None
    seconds = time.perf_counter() - started
    if history.stop_reason == "interrupted":
        if not history.epoch:
            raise KeyboardInterrupt
        show.interrupted()
    outputs = as_outputs(target, network.predict(X[split.test]))
    scores = _scores(job, prepared, outputs)
    facts = Facts(
        task=prepared.task.reason,
        data=job.data.name,
        rows={"train": len(split.train), "validation": len(split.validation), "test": len(split.test)},
        seed=job.seed,
        recipe=asdict(recipe),
        scores=scores,
        created=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
    )
    bundle = Bundle(network, prepared.encoder, facts)
    diagnosis = in_our_words(history.diagnose(), target, recipe.learning_rate, recipe.batch_size)
    return Result(bundle, table, prepared, history, recipe, outputs, scores, seconds, diagnosis)


def learn(job: Job, prepared: Prepared, recipe: Recipe) -> tuple[Network, History]:
    """Train a network on a prepared table, watched by a monitor.

    Parameters
    ----------
    job : Job
    prepared : Prepared
    recipe : Recipe

    Raises
    ------
    DataError
        When the network would be too large.
    DivergenceError
        When the loss becomes infinite.
    """
    X, split, target = prepared.X, prepared.split, prepared.encoder.target
    y = prepared.y if isinstance(target, ClassTarget) else target.encode(prepared.y)
    network = _network(job, recipe, prepared)
    updates = -(-len(split.train) // recipe.batch_size) * recipe.epochs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InterruptedWarning)
        history = network.fit(
            X[split.train],
            y[split.train],
            loss=recipe.loss(target),
            optimizer=recipe.optimizer(),
            epochs=recipe.epochs,
            batch_size=recipe.batch_size,
            validation_data=(X[split.validation], y[split.validation]),
            callbacks=[
                callbacks.EarlyStopping(patience=recipe.patience),
                callbacks.Monitor(every=max(1, updates // MEASUREMENTS)),
            ],
            metrics=["accuracy"] if isinstance(target, ClassTarget) else [],
            threads=job.threads,
            verbose=0 if job.quiet else 1,
        )
    return network, history


def _network(job: Job, recipe: Recipe, prepared: Prepared) -> Network:
    """The network, refused when its weights would not fit this machine's memory."""
    features, target = prepared.X.shape[1], prepared.encoder.target
    outputs = len(target.classes) if isinstance(target, ClassTarget) else 1
    widths = (features, *recipe.hidden, outputs)
    size = sum(rows * columns for rows, columns in pairwise(widths))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if size * BYTES_PER_WEIGHT > memory:
        raise DataError(
            f"The network would have {size:,} weights, more than this machine's memory holds; use fewer --hidden units."
        )
    try:
        return Network(recipe.layers(target), input_shape=features, seed=job.seed)
    except ValueError as error:
        raise DataError(f"The network cannot be built ({error}); use fewer --hidden units.") from None


def _scores(job: Job, prepared: Prepared, outputs: NDArray[np.float64]) -> dict[str, Scores]:
    """The network's and the baselines' test scores; the linear model gets the same training rows."""
    task, target, split = prepared.task.kind, prepared.encoder.target, prepared.split
    classes = len(target.classes) if isinstance(target, ClassTarget) else 0
    X, y = prepared.X, prepared.y
    linear = baselines.linear(task, X[split.train], y[split.train], X[split.test], classes, job.seed)
    trivial = baselines.trivial(task, y[split.train], len(split.test), classes)
    return {
        OURS: score(task, y[split.test], outputs),
        LINEAR: score(task, y[split.test], linear),
        trivial_name(task): score(task, y[split.test], trivial),
    }


def trivial_name(task: str) -> str:
    """What the baseline that ignores the features is called."""
    return "always the mean" if task == "regression" else "always the majority"


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


def _report(path: Path, result: Result) -> None:
    from descend.cli.report import write_report

    write_report(path, result)
