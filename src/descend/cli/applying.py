"""A trained model on new data: predictions and scores."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from descend.cli import show
from descend.cli.arrays.bundle import ArrayBundle
from descend.cli.baselines import OURS
from descend.cli.bundle import Bundle
from descend.cli.models import load_model
from descend.cli.output import write_whole
from descend.cli.scoring import score
from descend.data.archives import rank_of, read_archive
from descend.data.array_encoding import ArrayEncoder
from descend.data.copies import example_hashes
from descend.data.errors import DataError
from descend.data.examples import Examples
from descend.data.images import is_image, read_classes, read_files
from descend.data.kinds import require_columns
from descend.data.known_rows import KnownRows, encoded_hashes
from descend.data.reading import ReadOptions, Table, refuse_options
from descend.data.sources import is_archive, read_table_of
from descend.data.targets import ClassTarget, Target, task_of
from descend.data.unfamiliar import unfamiliar
from descend.wording import agreeing, counted


def predict(
    model: Path, data: Path, out: Path | None, keep: tuple[str, ...], options: ReadOptions, form: str | None = None
) -> None:
    """Write a prediction for every row, in the order of the data.

    Parameters
    ----------
    model, data : Path
    out : Path or None
        A .csv or .parquet file; None prints CSV.
    keep : tuple of str
        Columns of the table to copy before the predictions.
    options : ReadOptions
        For tables.
    form : str or None
        What rows of an `.npz` file are.

    Raises
    ------
    DataError
        When a file, a column or a cell does not fit.
    """
    _check_output(out, {"model": model, "data": data})
    bundle = load_model(model)
    if isinstance(bundle, ArrayBundle):
        refuse_options(data, options)
        frame = predict_arrays(bundle, data, keep, form)
    else:
        _refuse_form(form)
        frame = _predict_table(bundle, data, keep, options)
    if out is None:
        sys.stdout.write(frame.write_csv())
    else:
        write_whole(out, frame.write_parquet if out.suffix.lower() == ".parquet" else frame.write_csv)
        show.remark(f"{counted(frame.height, 'prediction')} written to {out}")


def _check_output(out: Path | None, inputs: dict[str, Path]) -> None:
    """Refuse a file of another format, and one that is read."""
    if out is None:
        if sys.stdout is None:
            raise DataError("There is no standard output to print to; name a file with --out.")
        return
    if out.suffix.lower() not in (".csv", ".parquet"):
        raise DataError(f"--out must end in .csv or .parquet, got '{out}'.")
    for what, path in inputs.items():
        if out.exists() and path.exists() and out.samefile(path):
            raise DataError(f"--out '{out}' would replace the {what}; name another file.")


def _predict_table(bundle: Bundle, data: Path, keep: tuple[str, ...], options: ReadOptions) -> pl.DataFrame:
    table = read_table_of(data, options)
    require_columns(table.frame, list(keep))
    predictions = prediction_frame(bundle.encoder.target, bundle.predict(table.frame))
    _say(_remarks(bundle, table))
    keep = tuple(dict.fromkeys(keep))
    taken = set(keep) & set(predictions.columns)
    if taken:
        raise DataError(f"--keep {min(taken)!r} has the name of an output column; rename that column of '{data}'.")
    return table.frame.select(keep).hstack(predictions) if keep else predictions


def predict_arrays(bundle: ArrayBundle, data: Path, keep: tuple[str, ...], form: str | None) -> pl.DataFrame:
    """Predictions for images, sequences or texts; for files a first column has their names.

    Parameters
    ----------
    bundle : ArrayBundle
    data : Path
    keep : tuple of str
        Nothing: there are no columns.
    form : str or None
    """
    if keep:
        raise DataError(f"--keep copies columns of a table, and the model takes {bundle.encoder.form}s; leave it out.")
    examples = read_examples(bundle.encoder, data, form)
    _say(examples.notes)
    frame = prediction_frame(bundle.encoder.target, bundle.predict(examples))
    return frame.insert_column(0, pl.Series("file", examples.sources)) if examples.sources else frame


def _remarks(bundle: Bundle, table: Table) -> list[str]:
    """What was guessed in reading a table, and what in it the model was not trained for."""
    return [*table.notes, *(f"Warning: {sentence}" for sentence in unfamiliar(bundle.encoder, table.frame))]


def _say(notes: Sequence[str]) -> None:
    """Print remarks about the data beside the results, on standard error."""
    for note in notes:
        show.remark(note)


def read_examples(encoder: ArrayEncoder, data: Path, form: str | None, *, labelled: bool = False) -> Examples:
    """Read rows like those a model was trained on.

    Parameters
    ----------
    encoder : ArrayEncoder
    data : Path
        An `.npz` file, an image, or a folder of images.
    form : str or None
        What rows of an `.npz` file are; None takes what the model takes.
    labelled : bool
        Whether the sub-folders of a folder are classes.

    Raises
    ------
    DataError
        When there are none, or not such ones.
    """
    if is_archive(data):
        source = read_archive(
            data, form or (encoder.form if rank_of(data) == (2 if encoder.form == "text" else 3) else None)
        )
        if not isinstance(source, Examples):
            raise DataError(f"'{data}' holds a table, and the model takes {encoder.form}s of shape {encoder.shape}.")
        return source
    _refuse_form(form)
    if not data.exists():
        raise DataError(f"There is no file or folder '{data}'; check the path.")
    if not data.is_dir() and (labelled or not is_image(data)):
        what = "a folder of images with one sub-folder per class" if labelled else "an image, a folder of images"
        raise DataError(f"'{data}' does not fit a model of {encoder.form}s; name {what} or an .npz file.")
    return encoder.of_files(read_classes(data, rule=encoder.rule) if labelled else read_files(data, encoder.rule))


def _refuse_form(form: str | None) -> None:
    if form is not None:
        raise DataError("--form says what the rows of an .npz file are; leave it out for tables and files.")


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


def evaluate(model: Path, data: Path, options: ReadOptions, form: str | None = None) -> None:
    """Print a model's scores on data that have the target.

    Parameters
    ----------
    model, data : Path
    options : ReadOptions
        For tables.
    form : str or None
        What rows of an `.npz` file are.

    Raises
    ------
    DataError
        When a file, a column or a cell does not fit, or no row has a target.
    """
    bundle = load_model(model)
    target = bundle.encoder.target
    if isinstance(bundle, ArrayBundle):
        refuse_options(data, options)
        examples = read_examples(bundle.encoder, data, form, labelled=True)
        _say(examples.notes)
        if examples.target is None:
            raise DataError(
                f"'{data}' has no y to compare with; save it with numpy.savez(path, X=X, y=y), or use "
                "'descend predict'."
            )
        y, outputs = _truth(target, examples.target, data), bundle.predict(examples)
        hashes = example_hashes(examples, y)
    else:
        _refuse_form(form)
        table = read_table_of(data, options)
        bundle.encoder.require_columns(table.frame)
        column = table.frame[target.name] if target.name in table.frame.columns else None
        y, X = _truth(target, column, data), bundle.encoder.encode(table.frame)
        outputs, hashes = bundle.outputs(X), encoded_hashes(X, y)
        _say(_remarks(bundle, table))
    rows = np.flatnonzero(y >= 0 if isinstance(target, ClassTarget) else ~np.isnan(y))
    if not rows.size:
        raise DataError(f"No row of '{data}' has a value of the target {target.name!r}; fill in the column.")
    scores = {OURS: score(task_of(target), y[rows], outputs[rows])}
    if bundle.facts.known is not None:
        _say([f"Note: {sentence}" for sentence in KnownRows.from_record(bundle.facts.known).note(hashes[rows])])
    if lost := len(y) - rows.size:
        show.remark(f"{counted(lost, 'row')} without a target {agreeing(lost, 'was', 'were')} left out.")
    show.console().print(show.metrics_grid(target, scores, rows.size))


def _truth(target: Target, column: pl.Series | None, data: Path) -> NDArray:
    """The true values, as class numbers or in the target's unit."""
    if column is None:
        raise DataError(
            f"'{data}' lacks the target column {target.name!r}, so there is nothing to compare with; "
            "use 'descend predict' for rows without it."
        )
    return target.values(column)
