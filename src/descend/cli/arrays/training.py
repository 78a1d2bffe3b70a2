"""The main job on images, sequences and texts: a folder or an `.npz` file in; model, history and report out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descend import History, Network, Sequences
from descend.cli import baselines, show
from descend.cli.arrays import describing
from descend.cli.arrays.bundle import ArrayBundle
from descend.cli.arrays.preparing import PreparedArrays, prepare_arrays
from descend.cli.arrays.recipe import ArrayRecipe, choose
from descend.cli.bundle import as_outputs
from descend.cli.findings import beside_baseline, beside_linear, in_our_words
from descend.cli.fitting import HISTORY, MODEL, REPORT, Outcome, facts_of, fit, timed, write_history
from descend.cli.output import staged_folder
from descend.cli.training import Job
from descend.data.archives import TARGET
from descend.data.errors import DataError
from descend.data.examples import Examples


@dataclass(frozen=True)
class ArrayResult(Outcome):
    """What came out of a training on images, sequences or texts.

    Attributes
    ----------
    bundle : ArrayBundle
    prepared : PreparedArrays
    recipe : ArrayRecipe
    """

    bundle: ArrayBundle
    prepared: PreparedArrays
    recipe: ArrayRecipe


def train_arrays(job: Job, examples: Examples) -> ArrayResult:
    """Do the main job on examples and write its three files.

    Parameters
    ----------
    job : Job
    examples : Examples

    Raises
    ------
    DataError
        When something about the input can be mended; nothing is written then.
    """
    if job.target is not None and (examples.sources or job.target != TARGET):
        raise DataError(
            f"--target names a column of a table, and '{job.data}' holds {examples.form}s, whose "
            f"{'classes are its sub-folders' if examples.sources else 'target is the array y'}; leave it out."
        )
    prepared = prepare_arrays(examples, job.prepare)
    recipe = choose(len(prepared.split.train), prepared.encoder, job.asked)
    network = recipe.build(prepared.encoder, job.seed)
    if not job.quiet:
        describing.preparation(prepared, recipe, network)
    with staged_folder(job.out) as stage:
        result = _fit(job, prepared, recipe, network)
        result.bundle.save(stage / MODEL)
        write_history(stage / HISTORY, result.history)
        _report(stage / REPORT, result)
    if not job.quiet:
        show.outcome(result, job.out)
    return result


def _fit(job: Job, prepared: PreparedArrays, recipe: ArrayRecipe, untrained: Network) -> ArrayResult:
    X, y, split, target = prepared.X, prepared.y, prepared.split, prepared.encoder.target

    def learn() -> tuple[Network, History]:
        return untrained, fit(untrained, X, y, split, target, recipe, threads=job.threads, quiet=job.quiet)

    network, history, seconds = timed(learn, recipe)
    outputs = as_outputs(target, network.predict(X[split.test]))
    flat = counts(X, prepared.encoder.vocabulary) if prepared.encoder.form == "text" else _values(X).reshape(len(X), -1)
    compared = baselines.compare(prepared.task.kind, flat, y, split, target, job.seed, outputs)
    facts = facts_of(prepared, job.data, job.seed, asdict(recipe), compared)
    scores, lead = compared
    bundle = ArrayBundle(network, prepared.encoder, facts)
    form = prepared.encoder.form
    diagnosis = in_our_words(history.diagnose(), target, recipe.learning_rate, recipe.batch_size, form)
    diagnosis = beside_baseline(diagnosis, prepared.task.kind, scores, form)
    diagnosis = beside_linear(diagnosis, prepared.task.kind, scores, lead, form)
    return ArrayResult(bundle, prepared, recipe, history, outputs, scores, seconds, diagnosis)


def _values(X: NDArray | Sequences) -> NDArray:
    return X.values if isinstance(X, Sequences) else X


def counts(X: NDArray | Sequences, vocabulary: int) -> Any:
    """How often each token stands in each text, for the linear model, (rows, vocabulary) sparse.

    Parameters
    ----------
    X : (rows, tokens) int32, or Sequences
    vocabulary : int
    """
    from scipy.sparse import coo_array

    tokens = _values(X)
    lengths = X.lengths if isinstance(X, Sequences) else np.full(len(X), tokens.shape[1])
    there = np.arange(tokens.shape[1]) < lengths[:, None]
    places = np.repeat(np.arange(len(tokens)), lengths), tokens[there]
    return coo_array((np.ones(len(places[0]), np.float32), places), (len(tokens), vocabulary)).tocsr()


def _report(path: Path, result: ArrayResult) -> None:
    from descend.cli.report.arrays import write_array_report

    write_array_report(path, result)
