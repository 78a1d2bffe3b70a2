"""The main job on three real data sets that come with scikit-learn."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from rich.markup import escape
from rich.table import Table as Grid

from descend.cli import show
from descend.cli.fitting import REPORT
from descend.cli.scoring import MEASURES
from descend.cli.training import Job, Result, train_table
from descend.data.preparing import PrepareOptions
from descend.data.reading import read_table

SETS = ("breast_cancer", "digits", "diabetes")


def write_set(name: str, folder: Path) -> Path:
    """Write one of scikit-learn's data sets as CSV and return its path.

    Parameters
    ----------
    name : one of SETS
    folder : Path
    """
    from sklearn import datasets

    loaded: Any = datasets.load_diabetes(scaled=False) if name == "diabetes" else getattr(datasets, f"load_{name}")()
    frame = pl.DataFrame(np.asarray(loaded.data), schema=[str(feature) for feature in loaded.feature_names])
    target = np.asarray(loaded.target)
    if name == "breast_cancer":
        target = np.asarray(loaded.target_names)[target].astype(str)
    path = folder / f"{name}.csv"
    frame.with_columns(pl.Series("target", target)).write_csv(path)
    return path


def demo(out: Path, threads: int | None = None) -> None:
    """Train on each set, write its report, and end with a table of all.

    Parameters
    ----------
    out : Path
        The folder that gets one folder per set.
    threads : int or None
    """
    started = time.perf_counter()
    results: dict[str, Result] = {}
    with tempfile.TemporaryDirectory(prefix="descend-") as folder:
        for name in SETS:
            data = write_set(name, Path(folder))
            job = Job(data, "target", out / name, threads=threads, prepare=PrepareOptions())
            results[name] = train_table(job, read_table(data))
            show.console().print()
    out_console = show.console()
    out_console.print(overview(results))
    for name in SETS:
        out_console.print(f"  {escape(str(out / name / REPORT))}")
    out_console.print(f"All in {time.perf_counter() - started:.1f} s.")


def overview(results: dict[str, Result]) -> Grid:
    """One line per data set: the first metric of its task, for the network and the baselines.

    Parameters
    ----------
    results : dict of str to Result
        By the set's name.
    """
    grid = Grid(title="test rows", title_justify="left")
    for heading in ("data", "metric"):
        grid.add_column(heading)
    for heading in ("network", "linear model", "majority/mean", "training"):
        grid.add_column(heading, justify="right")
    for name, result in results.items():
        measure = MEASURES[result.prepared.task.kind][0]
        values = [scores[measure.name] for scores in result.scores.values()]
        seconds = f"{result.seconds:.2f} s"
        grid.add_row(name, measure.label, *[show.number(value) for value in values], seconds)
    return grid
