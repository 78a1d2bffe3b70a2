"""What the command line prints: tables and sentences through rich, plain when the output is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from descend.cli.scoring import MEASURES, Measure, Scores
from descend.data.targets import NumberTarget, Target, task_of
from descend.wording import agreeing, counted

if TYPE_CHECKING:
    from descend.cli.fitting import Outcome
    from descend.cli.recipe import Recipe
    from descend.data.preparing import Prepared
    from descend.data.reading import Table
    from descend.training.diagnosis import Finding

#: Notes about columns beyond this many are counted only; the report has them all.
MAX_NOTES = 12


def console() -> Console:
    """Standard output, without colours inside numbers."""
    return Console(highlight=False, soft_wrap=True)


def preparation(table: Table, prepared: Prepared, recipe: Recipe) -> None:
    """Say what was found in the table and how it will be trained on."""
    out = console()
    frame, split, encoder = table.frame, prepared.split, prepared.encoder
    out.print(f"[bold]{escape(table.path.name)}[/]: {counted(frame.height, 'row')}, {counted(frame.width, 'column')}")
    out.print(f"Task: {escape(prepared.task.reason)}.")
    say_notes([*table.notes, *prepared.notes])
    out.print(
        f"Rows: {len(split.train):,} to train, {len(split.validation):,} to validate, {len(split.test):,} to test. "
        f"Columns used: {len(encoder.columns)}; features made of them: {len(encoder.features)}."
    )
    units = "-".join(str(units) for units in recipe.hidden) or "no hidden layer"
    out.print(
        f"Network: {units}, dropout {recipe.dropout:g}; AdamW, learning rate {recipe.learning_rate:g}, "
        f"weight decay {recipe.weight_decay:.3g}, batches of {recipe.batch_size}."
    )


def say_notes(notes: Sequence[str]) -> None:
    """Print remarks about the data, the last ones counted only."""
    out = console()
    for note in notes[:MAX_NOTES]:
        out.print(f"  - {escape(note)}")
    if len(notes) > MAX_NOTES:
        out.print(f"  - and {counted(len(notes) - MAX_NOTES, 'more remark')}, all in the report.")


def outcome(result: Outcome, folder: Path) -> None:
    """Print the test metrics beside the baselines', and where the files are."""
    from descend.cli.fitting import budget_remark

    out = console()
    if remark := budget_remark(result):
        out.print(remark)
    out.print(metrics_grid(result.bundle.encoder.target, result.scores, len(result.prepared.split.test)))
    for finding in result.diagnosis:
        out.print(f"{severity(finding)} {escape(str(finding))}.")
    for name, what in (
        ("model.descend", "the model with its preprocessing"),
        ("history.csv", "one line per epoch"),
        ("report.html", "pictures; open it in a browser"),
    ):
        out.print(f"  {escape(str(folder / name))}  [dim]{what}[/]")


def severity(finding: Finding) -> str:
    """A finding's severity as the word that begins its line."""
    style = {"critical": "bold red", "warning": "yellow", "note": "cyan"}[finding.severity]
    return f"[{style}]{finding.severity.capitalize()}:[/]"


def metrics_grid(target: Target, scores: dict[str, Scores], rows: int) -> Grid:
    """A table of metrics, a line each, a column per model, the best of a line in bold.

    Parameters
    ----------
    target : Target
    scores : dict of str to Scores
        By the model's name.
    rows : int
        How many rows they were measured on.
    """
    what = agreeing(rows, f"{'test ' * (len(scores) > 1)}row")
    unit = f"; errors in {target.unit}" if isinstance(target, NumberTarget) and target.unit else ""
    grid = Grid(title=f"{rows:,} {what}{unit}", title_justify="left")
    grid.add_column("metric")
    for name in scores:
        grid.add_column(name, justify="right")
    for measure in MEASURES[task_of(target)]:
        values = [models[measure.name] for models in scores.values()]
        best = best_of(measure, values)
        cells = [f"[bold]{number(v)}[/]" if v is not None and v == best else number(v) for v in values]
        grid.add_row(f"{measure.label} {'↑' if measure.greater_is_better else '↓'}", *cells)
    return grid


def best_of(measure: Measure, values: list[float | None]) -> float | None:
    """The best of several models' values, None when there is none or only one model."""
    known = [value for value in values if value is not None]
    if len(values) < 2 or not known:
        return None
    return max(known) if measure.greater_is_better else min(known)


def number(value: float | None) -> str:
    """Four significant digits; a dash for a metric that is not defined.

    Just below zero is only the R2 of a constant, by rounding: losses and shares are never negative.
    """
    if value is None:
        return "-"
    if -1e-4 < value < 0:
        return "0.0000"
    if value != 0 and (abs(value) >= 1e6 or abs(value) < 1e-4):
        return f"{value:.3e}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.4g}"


def interrupted() -> None:
    """Say what the first Ctrl-C did."""
    console().print("Stopped by Ctrl-C: going on with the best weights so far (Ctrl-C again to give up).")


def remark(sentence: str) -> None:
    """Print something that does not belong to the results, on standard error."""
    print(sentence, file=sys.stderr)
