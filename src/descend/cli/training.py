"""The main job: a table in; a model with its preprocessing, its history and a report out."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from descend import History, Network
from descend.cli import baselines, show
from descend.cli.bundle import Bundle, as_outputs
from descend.cli.findings import beside_baseline, beside_linear, in_our_words
from descend.cli.fitting import HISTORY, MODEL, REPORT, Outcome, facts_of, fit, timed, write_history
from descend.cli.output import staged_folder
from descend.cli.recipe import Asked, Recipe, choose
from descend.data.archives import TARGET
from descend.data.errors import DataError
from descend.data.examples import Examples
from descend.data.preparing import Prepared, PrepareOptions, prepare
from descend.data.reading import ReadOptions, Table
from descend.data.sources import is_archive, read_labelled
from descend.data.targets import ClassTarget
from descend.training.settings import MAX_THREADS

if TYPE_CHECKING:
    from descend.cli.arrays.training import ArrayResult

#: A weight in training, float32: itself and its transpose, two slots of AdamW, the best so far and one being copied.
BYTES_PER_WEIGHT = 24


@dataclass(frozen=True)
class Job:
    """One call of `descend train`.

    Attributes
    ----------
    data : Path
    target : str or None
        The column to predict; folders and `.npz` files do without.
    out : Path
        The folder for the results.
    seed : int
    threads : int or None
    read : ReadOptions
    prepare : PrepareOptions
    asked : Asked
    quiet : bool
        Print errors only.
    form : str or None
        What rows of an `.npz` file are.
    image_size : (height, width) or None
        For folders of images.
    """

    data: Path
    target: str | None
    out: Path
    seed: int = 0
    threads: int | None = None
    read: ReadOptions = field(default_factory=ReadOptions)
    prepare: PrepareOptions = field(default_factory=PrepareOptions)
    asked: Asked = field(default_factory=Asked)
    quiet: bool = False
    form: str | None = None
    image_size: tuple[int, int] | None = None


@dataclass(frozen=True)
class Result(Outcome):
    """What came out of a training on a table.

    Attributes
    ----------
    bundle : Bundle
    prepared : Prepared
    recipe : Recipe
    table : Table
    """

    bundle: Bundle
    prepared: Prepared
    recipe: Recipe
    table: Table


def train(job: Job) -> Result | ArrayResult:
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
    source = read_labelled(job.data, job.read, job.form, job.image_size)
    if isinstance(source, Examples):
        from descend.cli.arrays.training import train_arrays

        return train_arrays(job, source)
    return train_table(job, source)


def train_table(job: Job, table: Table) -> Result:
    """Do the main job on a table.

    Parameters
    ----------
    job : Job
    table : Table

    Raises
    ------
    DataError
        As `train`.
    """
    prepared = prepare(table, target_of(job), job.prepare)
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


def target_of(job: Job) -> str:
    """The column of a table to predict.

    Raises
    ------
    DataError
        When it must be named and is not.
    """
    if job.target is not None:
        return job.target
    if is_archive(job.data):
        return TARGET
    raise DataError(f"'{job.data}' is a table; name the column to predict with --target.")


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
    split, target = prepared.split, prepared.encoder.target
    network, history, seconds = timed(lambda: learn(job, prepared, recipe), recipe)
    outputs = as_outputs(target, network.predict(prepared.X[split.test]))
    compared = baselines.compare(prepared.task.kind, prepared.X, prepared.y, split, target, job.seed, outputs)
    scores, lead = compared
    facts = facts_of(prepared, job.data, job.seed, asdict(recipe), compared)
    bundle = Bundle(network, prepared.encoder, facts)
    diagnosis = in_our_words(history.diagnose(), target, recipe.learning_rate, recipe.batch_size)
    diagnosis = beside_baseline(diagnosis, prepared.task.kind, scores)
    diagnosis = beside_linear(diagnosis, prepared.task.kind, scores, lead, is_linear=not recipe.hidden)
    return Result(bundle, prepared, recipe, history, outputs, scores, seconds, diagnosis, table)


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
    network = _network(job, recipe, prepared)
    target = prepared.encoder.target
    history = fit(network, prepared.X, prepared.y, prepared.split, target, recipe, threads=job.threads, quiet=job.quiet)
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


def _report(path: Path, result: Result) -> None:
    from descend.cli.report import write_report

    write_report(path, result)
