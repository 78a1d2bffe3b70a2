"""Calls of the command line, as its tests make them, and a table to make them on."""

from __future__ import annotations

import numpy as np
import polars as pl
from typer.testing import CliRunner, Result

from descend.cli.app import app


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def classes_frame(rows: int = 200, seed: int = 0) -> pl.DataFrame:
    """Two classes told by a number, a category, and a date, with holes."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows)
    colour = rng.choice(["red", "green", "blue"], rows)
    label = np.where(x + (colour == "red") + 0.3 * rng.normal(size=rows) > 0.3, "yes", "no")
    return pl.DataFrame(
        {
            "row": np.arange(rows),
            "x": [None if i % 17 == 0 else float(v) for i, v in enumerate(x)],
            "colour": colour,
            "day": [f"2024-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(rows)],
            "label": label,
        }
    )


def refused(*arguments: object) -> str:
    """What a command says that ends with code 2, in one sentence."""
    result = run(*arguments)
    assert result.exit_code == 2, (result.exit_code, result.output)
    assert result.stderr.startswith("descend: ") and result.stderr.count("\n") == 1, result.stderr
    return result.stderr
