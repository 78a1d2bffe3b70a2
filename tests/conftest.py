"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import random
import signal
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from numpy.typing import NDArray

matplotlib.use("Agg")
# A shell ignores Ctrl-C in what it runs in the background, and tests of Ctrl-C would be ignored with it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def datasets() -> Path:
    """The folder of real data sets, from DESCEND_DATASETS or beside the repository; skips the test without it."""
    folder = Path(os.environ.get("DESCEND_DATASETS") or ROOT.parent / "shared" / "datasets")
    if not folder.is_dir():
        pytest.skip(f"no data sets at {folder} (set DESCEND_DATASETS)")
    return folder


@pytest.fixture(scope="session")
def load_dataset(datasets: Path) -> Callable[[str], dict[str, NDArray]]:
    """A function from a data set's name to its arrays; skips the test when that set is missing."""

    def load(name: str) -> dict[str, NDArray]:
        path = datasets / f"{name}.npz"
        if not path.is_file():
            pytest.skip(f"no data set {path}")
        with np.load(path, allow_pickle=False) as archive:
            return dict(archive)

    return load


@pytest.fixture(autouse=True)
def _same_draws_in_every_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test leaves without a seed begins at the same draws whenever it runs."""
    np.random.seed(0)  # noqa: NPY002 - what estimators without a random_state draw from
    monkeypatch.setattr("descend.model.seeds.secrets.randbits", random.Random(0).getrandbits)


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    """Figures of one test do not pile up for the next."""
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.fixture
def _short_runs_do_not_converge() -> Iterator[None]:
    """Estimators are not expected to converge in few epochs."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """The folder of a trained classifier, with data.csv beside its files."""
    from cli_runs import classes_frame, run

    folder = tmp_path_factory.mktemp("trained")
    classes_frame().write_csv(folder / "data.csv")
    result = run("train", folder / "data.csv", "--target", "label", "--out", folder / "model", "--quiet")
    assert result.exit_code == 0, result.output
    return folder
