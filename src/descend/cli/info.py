"""What a model file holds, for people."""

from __future__ import annotations

from pathlib import Path

from rich.markup import escape
from rich.table import Table as Grid

from descend.cli import show
from descend.cli.arrays.describing import describe_shape
from descend.cli.models import load_model
from descend.data.array_encoding import ArrayEncoder
from descend.data.columns import CategoryColumn, Column, NumberColumn
from descend.data.encoding import TableEncoder
from descend.data.errors import some
from descend.data.targets import ClassTarget, Target
from descend.wording import counted


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
    bundle = load_model(model)
    out, facts, encoder = show.console(), bundle.facts, bundle.encoder
    rows = ", ".join(f"{count:,} {part}" for part, count in facts.rows.items())
    out.print(f"[bold]{escape(str(model))}[/]: trained {escape(facts.created)} on {escape(facts.data)} ({rows} rows)")
    out.print(f"Predicts {describe_target(encoder.target)}: {escape(facts.task)}.", highlight=False)
    if isinstance(encoder, ArrayEncoder):
        _channels(encoder)
    else:
        _columns(encoder)
    out.print(bundle.network.summary(), markup=False)
    recipe = {name: value for name, value in facts.recipe.items() if name != "hidden" and value is not None}
    settings = ", ".join(f"{name.replace('_', ' ')} {_setting(value)}" for name, value in recipe.items())
    out.print(f"Trained with seed {facts.seed}, {settings}.", markup=False)
    out.print(show.metrics_grid(encoder.target, facts.scores, facts.rows["test"]))


def _setting(value: object) -> str:
    """A setting in running text, where a list's commas would look like the next setting's."""
    return (" and ".join(map(str, value)) or "none") if isinstance(value, tuple | list) else str(value)


def _columns(encoder: TableEncoder) -> None:
    """A table's columns, used and not used."""
    out = show.console()
    grid = Grid(
        title=f"{counted(len(encoder.columns), 'column')}, {counted(len(encoder.features), 'feature')}",
        title_justify="left",
    )
    for heading in ("column", "kind", "features", "of the training rows"):
        grid.add_column(heading, overflow="fold")
    for column in encoder.columns:
        grid.add_row(escape(column.name), column.kind, str(len(column.features)), escape(describe_column(column)))
    out.print(grid)
    for column in encoder.dropped:
        out.print(f"  - {escape(f'{column.name!r} {column.reason}; it is not used.')}")


def _channels(encoder: ArrayEncoder) -> None:
    """What rows are and how each channel is scaled."""
    out = show.console()
    if encoder.form == "text":
        out.print(f"Reads {describe_shape(encoder)}; each learnt a vector.")
        return
    pairs = [f"{mean:.4g} and {scale:.4g}" for mean, scale in zip(encoder.mean, encoder.scale, strict=True)]
    shown = f"{'; '.join(pairs[:4])}{f' and {len(pairs) - 4} more' if len(pairs) > 4 else ''}"
    out.print(f"Reads {describe_shape(encoder)}; mean and standard deviation of each channel: {shown}.")


def describe_target(target: Target) -> str:
    """The target in a few words."""
    if isinstance(target, ClassTarget):
        return escape(f"{target.name!r}, one of {some(list(target.classes), 8)}")
    unit = f" (in {target.unit})" if target.unit else ""
    return escape(f"{target.name!r}, mean {target.mean:.4g}, standard deviation {target.scale:.4g}{unit}")


def describe_column(column: Column) -> str:
    """A column's fitted statistics in a few words."""
    missing = ", some missing" if column.indicator else ""
    if isinstance(column, NumberColumn):
        return f"mean {column.mean:.4g}, standard deviation {column.scale:.4g}{missing}"
    if isinstance(column, CategoryColumn):
        rare = ", rarer ones grouped" if column.other else ""
        return f"{some(list(column.levels), 6)}{rare}{missing}"
    return f"{', '.join(['elapsed time', *column.parts])}{missing}"
