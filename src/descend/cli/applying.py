"""A trained model on a new table: predictions and scores."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from descend.cli import show
from descend.cli.bundle import Bundle
from descend.cli.output import write_whole
from descend.cli.scoring import score
from descend.data.errors import DataError
from descend.data.kinds import require_columns
from descend.data.reading import ReadOptions, read_table
from descend.data.targets import ClassTarget, Target, TaskKind


def predict(model: Path, data: Path, out: Path | None, keep: tuple[str, ...], options: ReadOptions) -> None:
    """Write a prediction for every row of a table, in its order.

    Parameters
    ----------
    model, data : Path
    out : Path or None
        A .csv or .parquet file; None prints CSV.
    keep : tuple of str
        Columns of the table to copy before the predictions.
    options : ReadOptions

    Raises
    ------
    DataError
        When a file, a column or a cell does not fit.
    """
    if out is not None and out.suffix.lower() not in (".csv", ".parquet"):
        raise DataError(f"--out must end in .csv or .parquet, got '{out}'.")
    bundle = Bundle.load(model)
    table = read_table(data, options)
    require_columns(table.frame, list(keep))
    predictions = prediction_frame(bundle.encoder.target, bundle.predict(table.frame))
    keep = tuple(dict.fromkeys(keep))
    taken = set(keep) & set(predictions.columns)
    if taken:
        raise DataError(f"--keep {min(taken)!r} has the name of an output column; rename that column of '{data}'.")
    frame = table.frame.select(keep).hstack(predictions) if keep else predictions
    if out is None:
        sys.stdout.write(frame.write_csv())
    else:
        write_whole(out, frame.write_parquet if out.suffix.lower() == ".parquet" else frame.write_csv)
        show.remark(f"{frame.height:,} predictions written to {out}")


def prediction_frame(target: Target, outputs: NDArray[np.float64]) -> pl.DataFrame:
    """Outputs as columns: `prediction`, and for classes one `probability <class>` each.

    Parameters
    ----------
    target : NumberTarget or ClassTarget
    outputs : (rows,) or (rows, classes)
        As `bundle.as_outputs` gives them.
    """
    if not isinstance(target, ClassTarget):
        return pl.DataFrame({"prediction": outputs})
    winners = pl.Series("prediction", target.classes, dtype=pl.String).gather(outputs.argmax(axis=1))
    shares = {f"probability {name}": outputs[:, i] for i, name in enumerate(target.classes)}
    return pl.DataFrame({"prediction": winners, **shares})


def evaluate(model: Path, data: Path, options: ReadOptions) -> None:
    """Print a model's scores on a table that has the target.

    Parameters
    ----------
    model, data : Path
    options : ReadOptions

    Raises
    ------
    DataError
        When a file, a column or a cell does not fit, or no row has a target.
    """
    bundle = Bundle.load(model)
    table = read_table(data, options)
    target = bundle.encoder.target
    if target.name not in table.frame.columns:
        raise DataError(
            f"'{data}' lacks the target column {target.name!r}, so there is nothing to compare with; "
            "use 'descend predict' for rows without it."
        )
    y = target.values(table.frame[target.name])
    rows = np.flatnonzero(y >= 0 if isinstance(target, ClassTarget) else ~np.isnan(y))
    if not rows.size:
        raise DataError(f"No row of '{data}' has a value of the target {target.name!r}; fill in the column.")
    outputs = bundle.predict(table.frame)
    scores = {"network": score(task_of(target), y[rows], outputs[rows])}
    if rows.size < len(y):
        show.remark(f"{len(y) - rows.size:,} rows without a target were left out.")
    show.console().print(show.metrics_grid(task_of(target), scores, rows.size))


def task_of(target: Target) -> TaskKind:
    """The task a fitted target stands for."""
    if not isinstance(target, ClassTarget):
        return "regression"
    return "binary" if len(target.classes) == 2 else "multiclass"
