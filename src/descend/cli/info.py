"""What a model file holds, for people."""

from __future__ import annotations

from pathlib import Path

from rich.markup import escape
from rich.table import Table as Grid

from descend.cli import show
from descend.cli.applying import task_of
from descend.cli.bundle import Bundle
from descend.data.columns import CategoryColumn, Column, NumberColumn
from descend.data.errors import some
from descend.data.targets import ClassTarget, Target


def info(model: Path) -> None:
    """Print a model's origin, columns, network and test scores.

    Parameters
    ----------
    model : Path

    Raises
    ------
    DataError
        When the file is not a model of `descend train`.
    """
    bundle = Bundle.load(model)
    out, facts, encoder = show.console(), bundle.facts, bundle.encoder
    rows = ", ".join(f"{count:,} {part}" for part, count in facts.rows.items())
    out.print(f"[bold]{escape(str(model))}[/]: trained {escape(facts.created)} on {escape(facts.data)} ({rows} rows)")
    out.print(f"Predicts {describe_target(encoder.target)}: {escape(facts.task)}.", highlight=False)
    grid = Grid(title=f"{len(encoder.columns)} columns, {len(encoder.features)} features", title_justify="left")
    for heading in ("column", "kind", "features", "of the training rows"):
        grid.add_column(heading, overflow="fold")
    for column in encoder.columns:
        grid.add_row(escape(column.name), column.kind, str(len(column.features)), escape(describe_column(column)))
    out.print(grid)
    for column in encoder.dropped:
        out.print(f"  - {escape(f'{column.name!r} {column.reason}; it is not used.')}")
    out.print(bundle.network.summary(), markup=False)
    settings = ", ".join(f"{name} {value}" for name, value in facts.recipe.items() if name != "hidden")
    out.print(f"Trained with seed {facts.seed}, {settings.replace('_', ' ')}.", markup=False)
    out.print(show.metrics_grid(task_of(encoder.target), facts.scores, facts.rows["test"]))


def describe_target(target: Target) -> str:
    """The target in a few words."""
    if isinstance(target, ClassTarget):
        return escape(f"{target.name!r}, one of {some(list(target.classes), 8)}")
    return escape(f"{target.name!r}, mean {target.mean:.4g}, standard deviation {target.scale:.4g}")


def describe_column(column: Column) -> str:
    """A column's fitted statistics in a few words."""
    missing = ", some missing" if column.indicator else ""
    if isinstance(column, NumberColumn):
        return f"mean {column.mean:.4g}, standard deviation {column.scale:.4g}{missing}"
    if isinstance(column, CategoryColumn):
        rare = ", rarer ones grouped" if column.other else ""
        return f"{some(list(column.levels), 6)}{rare}{missing}"
    return f"{', '.join(['elapsed time', *column.parts])}{missing}"
