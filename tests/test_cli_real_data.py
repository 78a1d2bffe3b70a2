"""What the defaults of `descend train` reach on test rows of real data, through the command itself."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from descend.cli.app import app
from descend.cli.bundle import Bundle
from descend.cli.demo import write_set

SEEDS = (0, 1)


def scores(data: Path, folder: Path, seed: int) -> dict[str, dict[str, float]]:
    out = folder / f"out-{seed}"
    result = CliRunner().invoke(
        app, ["train", str(data), "--target", "target", "--out", str(out), "--seed", str(seed), "--quiet"]
    )
    assert result.exit_code == 0, result.output
    return Bundle.load(out / "model.descend").facts.scores


def as_frame(arrays: dict[str, np.ndarray]) -> pl.DataFrame:
    """A data set as a table; the target by name, or as its logarithm where it is a price."""
    frame = pl.DataFrame(arrays["X"], schema=[str(name) for name in arrays["feature_names"]]).fill_nan(None)
    if "Xc" in arrays:
        for codes, name, levels in zip(
            arrays["Xc"].T, arrays["cat_names"], json.loads(str(arrays["cat_levels"])), strict=True
        ):
            frame = frame.with_columns(pl.Series(str(name), [None if code < 0 else levels[code] for code in codes]))
    y = arrays["class_names"][arrays["y"]] if "class_names" in arrays else np.log(arrays["y"].astype(np.float64))
    return frame.with_columns(pl.Series("target", y))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("name", "least"), [("breast_cancer", 0.95), ("digits", 0.97)])
def test_bundled_classes(tmp_path, name, least, seed):
    assert scores(write_set(name, tmp_path), tmp_path, seed)["network"]["accuracy"] >= least


@pytest.mark.parametrize("seed", SEEDS)
def test_diabetes(tmp_path, seed):
    found = scores(write_set("diabetes", tmp_path), tmp_path, seed)
    assert found["network"]["r2"] > found["always the mean"]["r2"] + 0.2
    assert found["network"]["r2"] >= found["linear model"]["r2"] - 0.03


@pytest.mark.parametrize(("name", "metric", "least"), [("letter", "accuracy", 0.95), ("house_prices", "r2", 0.84)])
def test_larger_sets(tmp_path, load_dataset, name, metric, least):
    data = tmp_path / f"{name}.csv"
    as_frame(load_dataset(name)).write_csv(data)
    found = scores(data, tmp_path, 0)
    assert found["network"][metric] >= least
    assert found["network"][metric] > found["linear model"][metric]


def test_missing_and_categories_together(tmp_path, load_dataset):
    """Part of the adult census: holes in categories, rare countries, nearly linear."""
    data = tmp_path / "adult.csv"
    as_frame(load_dataset("adult")).sample(8000, seed=0).write_csv(data)
    found = scores(data, tmp_path, 0)
    assert found["network"]["accuracy"] >= 0.84
    assert found["network"]["log_loss"] <= found["linear model"]["log_loss"] + 0.01
