"""The doctor: what looks wrong about a training, on a run's record or by training on a table."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from rich.markup import escape
from rich.table import Table as Grid

from descend import DivergenceError, History
from descend.cli import baselines, show
from descend.cli.arrays.bundle import ArrayBundle
from descend.cli.bundle import as_outputs
from descend.cli.findings import BEHIND, NO_BETTER, beside_baseline, beside_linear, in_our_words
from descend.cli.fitting import MODEL
from descend.cli.models import load_model
from descend.cli.recipe import choose
from descend.cli.training import Job, check_job, learn, target_of
from descend.data.archives import read_archive
from descend.data.errors import DataError
from descend.data.examples import Examples
from descend.data.images import holds_images
from descend.data.preparing import prepare
from descend.data.sources import is_archive, read_table_of
from descend.data.targets import task_of
from descend.training.diagnosis import Diagnosis, diagnose
from descend.training.measurements import Measurements
from descend.training.progress import closing_line


def is_run(path: Path) -> bool:
    """Whether a path is that of a run's folder or of a model file, rather than of a table."""
    return path.is_dir() or path.suffix == ".descend"


def of_run(path: Path) -> Diagnosis:
    """Report on a run that `descend train` recorded.

    Parameters
    ----------
    path : Path
        Its folder, or the model file.

    Raises
    ------
    DataError
        When it is no such thing.
    """
    bundle = load_model(path)
    facts, history = bundle.facts, bundle.network.history
    recipe = facts.recipe
    target = bundle.encoder.target
    form = bundle.encoder.form if isinstance(bundle, ArrayBundle) else "table"
    diagnosis = in_our_words(diagnose(history), target, float(recipe["learning_rate"]), int(recipe["batch_size"]), form)
    task, lead = task_of(target), None if facts.lead is None else baselines.Lead(**facts.lead)
    diagnosis = beside_baseline(diagnosis, task, facts.scores, form)
    diagnosis = beside_linear(diagnosis, task, facts.scores, lead, form, is_linear=recipe.get("hidden") in ([], ()))
    out = show.console()
    out.print(f"[bold]{escape(str(path))}[/]: trained {escape(facts.created)} on {escape(facts.data)}")
    out.print(f"{closing_line(history)}.")
    report(diagnosis, history)
    return diagnosis


def refuse_arrays(path: Path) -> None:
    """Refuse a folder of images without a model in it, one image, and an `.npz` file of images, sequences or texts.

    Raises
    ------
    DataError
        Saying how to look at a training on it.
    """
    if not (path / MODEL).exists() and holds_images(path):
        what, data = ("a folder of images", path) if path.is_dir() else ("an image", "FOLDER")
        raise DataError(
            f"'{path}' is {what}, and doctor trains on tables only; train with 'descend train {data}', then run doctor "
            "on the folder that makes."
        )
    source = read_archive(path) if is_archive(path) else None
    if isinstance(source, Examples):
        raise DataError(
            f"'{path}' holds {source.form}s of shape {source.X.shape}, and doctor trains on tables only; train with "
            f"'descend train {path}', then run doctor on the folder that makes."
        )


def refuse_folders(path: Path) -> None:
    """Refuse a folder that is no run's.

    Raises
    ------
    DataError
        Saying what to name instead.
    """
    if path.is_dir() and not (path / MODEL).exists():
        raise DataError(
            f"The folder '{path}' holds no {MODEL}, so it is not a run of 'descend train'; name the folder that one "
            "made, its model file, or a table with --target."
        )


def of_table(job: Job) -> Diagnosis:
    """Train on a table as `descend train` does, write nothing, and report on the training.

    Parameters
    ----------
    job : Job

    Raises
    ------
    DataError
        When something about the input can be mended.
    """
    check_job(job)
    table = read_table_of(job.data, job.read)
    prepared = prepare(table, target_of(job), job.prepare)
    recipe = choose(len(prepared.split.train), job.asked)
    show.preparation(table, prepared, recipe)
    network = None
    try:
        network, history = learn(job, prepared, recipe)
    except DivergenceError as error:
        history = error.history
    if history.stop_reason == "interrupted" and not history.epoch:
        raise KeyboardInterrupt
    split, target = prepared.split, prepared.encoder.target
    found = in_our_words(history.diagnose(), target, recipe.learning_rate, recipe.batch_size)
    if network is None:
        why = "since the training diverged"
        found = replace(found, unchecked={**found.unchecked, NO_BETTER: why, BEHIND: why})
    else:
        outputs = as_outputs(target, network.predict(prepared.X[split.test]))
        kind = prepared.task.kind
        scores, lead = baselines.compare(kind, prepared.X, prepared.y, split, target, job.seed, outputs)
        found = beside_baseline(found, kind, scores)
        found = beside_linear(found, kind, scores, lead, is_linear=not recipe.hidden)
    report(found, history)
    return found


def report(diagnosis: Diagnosis, history: History) -> None:
    """Print the findings, what was checked and what was not, and the layers in numbers.

    Parameters
    ----------
    diagnosis : Diagnosis
    history : History
    """
    out = show.console()
    out.print()
    for finding in diagnosis:
        out.print(f"{show.severity(finding)} {escape(finding.message)}.")
        out.print(f"  Remedy: {escape(finding.remedy)}.")
        numbers = ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in finding.evidence.items())
        out.print(f"  [dim]Evidence: {escape(numbers)}.[/]")
    fine = [name for name in diagnosis.checked if name not in diagnosis]
    if fine:
        text = ", ".join(name.replace("_", " ") for name in fine)
        out.print(f"[green]{'Nothing else' if len(diagnosis) else 'Nothing'} found.[/] Checked were {text}.")
    for reason in dict.fromkeys(diagnosis.unchecked.values()):
        names = [name.replace("_", " ") for name, why in diagnosis.unchecked.items() if why == reason]
        out.print(f"[dim]Not checked, {escape(reason)}: {', '.join(names)}.[/]")
    if history.monitor is not None and len(history.monitor):
        out.print()
        out.print(layers_grid(history.monitor))


def layers_grid(record: Measurements) -> Grid:
    """The layers in numbers, at the first measurement and at the last.

    Parameters
    ----------
    record : Measurements
        With at least one measurement.
    """
    first, last = f"update {record.step[0]:,}", f"update {record.step[-1]:,}"
    grid = Grid(title=f"The layers at {first} and at {last}", title_justify="left")
    grid.add_column("layer")
    for heading in ("gradient", "update/weights", "output std", "dead/saturated"):
        grid.add_column(heading, justify="right", no_wrap=True)  # short, so that all fit 80 columns
    for name in record.layers():
        if name == "input":
            continue
        idle = record.dead.get(name, record.saturated.get(name))
        cells = [_pair(series.get(name)) for series in (record.gradient_norm, record.update_ratio, record.std)]
        grid.add_row(escape(name), *cells, _pair(idle, share=True))
    return grid


def _pair(column: list[float] | None, *, share: bool = False) -> str:
    if not column:
        return ""
    texts = [_text(value, share) for value in (column[0], column[-1])]
    return f"{texts[0]} → {texts[1]}"


def _text(value: float, share: bool) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:.0%}" if share else f"{value:.2g}"
