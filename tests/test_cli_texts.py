"""The commands on texts as rows of tokens, from the outside: what they write, print and refuse."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cli_runs import refused, run
from descend import Network
from descend.cli.arrays.bundle import ArrayBundle
from descend.cli.models import load_model
from descend.data.array_encoding import ArrayEncoder
from descend.data.errors import DataError

WORDS = 30


def texts(rows: int = 120, seed: int = 0) -> dict[str, np.ndarray]:
    """Two classes of texts of 5 to 12 tokens, told by a token that some of them have twice."""
    rng = np.random.default_rng(seed)
    y = np.arange(rows) % 2
    lengths = rng.integers(5, 13, rows)
    X = rng.integers(3, WORDS, (rows, 12))
    X[:, 2] = X[:, 4] = 1 + y
    X[np.arange(12) >= lengths[:, None]] = 0
    return {"X": X, "y": np.array(["bad", "good"])[y], "lengths": lengths}


def archive(path: Path, **arrays: object) -> Path:
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A folder with `texts.npz` and `model`, trained on them."""
    folder = tmp_path_factory.mktemp("texts")
    archive(folder / "texts.npz", **texts(), vocab=np.array([f"word{i}" for i in range(WORDS + 2)]))
    result = run("train", folder / "texts.npz", "--out", folder / "model", "--epochs", "40")
    assert result.exit_code == 0, result.output
    for words in (
        "120 texts of at most 12 tokens out of 32",
        "Network: text_average with 2,113 weights, dropout 0.5",
        "linear model",
    ):
        assert words in result.output, (words, result.output)
    assert "not used" not in result.output
    return folder


def test_texts_are_learned_and_described(trained):
    bundle = load_model(trained / "model")
    assert isinstance(bundle, ArrayBundle)
    assert (bundle.encoder.form, bundle.encoder.shape, bundle.encoder.vocabulary) == ("text", (12,), 32)
    scores = bundle.facts.scores
    assert scores["network"]["accuracy"] == scores["linear model"]["accuracy"] == 1.0
    page = (trained / "model" / "report.html").read_text()
    for words in ("Confusion matrix", "Learning curves", "Every token learns a vector", "Inside the network"):
        assert words in page, words
    assert "First-layer filters" not in page and "What the network looks at" not in page
    assert "texts of at most 12 tokens out of 32" in run("info", trained / "model").output
    assert run("doctor", trained / "model").exit_code == 0


def test_they_are_predicted_and_evaluated(trained, tmp_path):
    new = texts(40, seed=1)
    new["X"], new["lengths"] = new["X"][:, :9], np.minimum(new["lengths"], 9)  # none is longer here
    out = tmp_path / "predictions.csv"
    result = run("predict", trained / "model", archive(tmp_path / "new.npz", X=new["X"], lengths=new["lengths"]),
                 "--out", out)  # fmt: skip
    assert result.exit_code == 0, result.output
    frame = pl.read_csv(out)
    assert frame.columns == ["prediction", "probability bad", "probability good"]
    assert (frame["prediction"].to_numpy() == new["y"]).mean() >= 0.95
    result = run("evaluate", trained / "model", archive(tmp_path / "known.npz", **new))
    assert result.exit_code == 0 and result.output.startswith("40 rows"), result.output


def test_texts_without_lengths_are_whole(tmp_path):
    data = texts()
    del data["lengths"]
    data["y"] = data["X"][:, 2].astype(float)
    path = archive(tmp_path / "texts.npz", **data)
    options = ["--form", "text", "--task", "regression", "--network", "text_rnn", "--epochs", "2", "--quiet"]
    assert run("train", path, "--out", tmp_path / "model", *options).exit_code == 0
    bundle = load_model(tmp_path / "model")
    assert isinstance(bundle, ArrayBundle) and not bundle.encoder.variable and bundle.encoder.vocabulary == WORDS
    assert run("predict", tmp_path / "model", path).exit_code == 0
    assert "the model takes (12,)" in refused(
        "predict", tmp_path / "model", archive(tmp_path / "short.npz", X=data["X"][:, :5])
    )


def test_any_threads_the_same_model(trained, tmp_path):
    weights = []
    for threads in (1, 3):
        out = tmp_path / str(threads)
        result = run("train", trained / "texts.npz", "--out", out, "--threads", threads, "--epochs", "3", "--quiet")
        assert result.exit_code == 0
        weights.append(Network.load(out / "model.descend").get_weights())
    assert all(np.array_equal(weights[0][name], weights[1][name]) for name in weights[0])


def with_token(token: int) -> dict[str, np.ndarray]:
    arrays = texts()
    arrays["X"][7, 0] = token
    return arrays


@pytest.mark.parametrize(
    ("arrays", "options", "words"),
    [
        (with_token(-1), [], "must hold numbers of tokens, from 0 to 16,777,215, but they go from -1 to 29"),
        (with_token(2**31), [], "but they go from 0 to 2147483648"),
        ({**with_token(40), "vocab": np.array(["a"] * 32)}, [], "of which vocab holds 32, from 0 to 31"),
        ({**texts(), "vocab": np.zeros((2, 2))}, [], "vocab of"),
        ({**texts(), "X": texts()["X"] + 0.5}, [], "although there are lengths of sequences; store rows of shape"),
        ({**texts(), "X": texts()["X"] + 0.5}, ["--form", "text"], "must hold whole numbers of tokens, got float64"),
        ({**texts(), "X": texts()["X"][..., None]}, ["--form", "text"], "texts are rows of tokens"),
        (texts(), ["--form", "sequence"], "although --form is sequence"),
        (texts(), ["--form", "words"], "--form must be image, sequence or text, got 'words'"),
        (texts(), ["--network", "sequence_lstm"], "--network for texts must be one of text_average, text_rnn"),
        (texts(), ["--augment", "noise"], "--augment is for images and sequences, not for texts"),
        (texts(), ["--hidden", "8"], "--hidden is for tables; for texts choose a --network"),
        ({**texts(), "lengths": texts()["lengths"] * 0}, [], "lengths of"),
    ],
)
def test_what_is_refused(arrays, options, words, tmp_path):
    assert words in refused("train", archive(tmp_path / "a.npz", **arrays), "--quiet", *options)


def test_unknown_tokens_and_other_data_are_refused(trained, tmp_path):
    model = trained / "model"
    message = refused("predict", model, archive(tmp_path / "new.npz", **with_token(40)))
    assert "Row 7 of " in message and "has the token 40, and the model knows those from 0 to 31" in message
    series = archive(tmp_path / "series.npz", X=np.zeros((3, 12, 2)))
    assert "holds sequences and the model was trained on texts" in refused("predict", model, series)
    (tmp_path / "notes.txt").write_text("good")
    assert "does not fit a model of texts" in refused("predict", model, tmp_path / "notes.txt")
    assert "as numbers, not as files" in refused("predict", model, trained)
    assert "holds texts of shape (120, 12)" in refused("doctor", trained / "texts.npz", "--target", "y")


def test_descriptions_in_files(trained):
    bundle = load_model(trained / "model")
    assert isinstance(bundle, ArrayBundle)
    text = bundle.encoder.to_json()
    assert ArrayEncoder.from_json(text) == bundle.encoder and json.loads(text)["version"] == 2
    for field, value in (
        ("vocabulary", 0),
        ("vocabulary", 1.5),
        ("mean", [0.0]),
        ("shape", [12, 1]),
        ("form", "table"),
    ):
        with pytest.raises(DataError, match="damaged"):
            ArrayEncoder.from_json(json.dumps({**json.loads(text), field: value}))
    with pytest.raises(DataError, match="has version 3 and this release reads 2"):
        ArrayEncoder.from_json(json.dumps({**json.loads(text), "version": 3}))
