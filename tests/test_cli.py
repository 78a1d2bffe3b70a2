"""The commands, from the outside: what they write, print and refuse."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cli_runs import classes_frame, run
from descend import Network, layers
from descend.cli.app import run as run_process
from descend.cli.bundle import Bundle
from descend.cli.demo import write_set

FEW = ["--epochs", "5", "--quiet"]


@pytest.fixture(scope="module")
def numbers(tmp_path_factory) -> Path:
    """The folder of a trained regression on two numeric columns."""
    folder = tmp_path_factory.mktemp("numbers")
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"a": rng.normal(size=150), "b": rng.normal(size=150) * 1000})
    frame = frame.with_columns((1e5 + 5e3 * pl.col("a") + 3 * pl.col("b")).alias("price"))
    frame.write_parquet(folder / "data.parquet")
    result = run("train", folder / "data.parquet", "-t", "price", "-o", folder / "model", "--quiet")
    assert result.exit_code == 0, result.output
    return folder


def test_train_writes_three_files_and_nothing_else(trained):
    assert sorted(path.name for path in trained.iterdir()) == ["data.csv", "model"]
    assert sorted(path.name for path in (trained / "model").iterdir()) == [
        "history.csv",
        "model.descend",
        "report.html",
    ]


def test_history_has_a_line_per_epoch(trained):
    with (trained / "model" / "history.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row["epoch"]) for row in rows] == list(range(1, len(rows) + 1))
    assert {"loss", "val_loss", "accuracy", "val_accuracy"} <= rows[0].keys()


def test_train_says_what_it_does(tmp_path):
    classes_frame().write_csv(tmp_path / "data.csv")
    result = run("train", tmp_path / "data.csv", "-t", "label", "-o", tmp_path / "out", "--epochs", "3")
    assert result.exit_code == 0, result.output
    for words in (
        "200 rows, 5 columns",
        "classification, because 'label' holds text with two different values",
        "'row' numbers the rows from 0 to 199; it is not used",
        "128 to train, 32 to validate, 40 to test",
        "epoch 3/3",
        "linear model",
        "always the majority",
        "ROC AUC",
        "report.html",
    ):
        assert words in result.output, words


def test_same_seed_same_model(tmp_path):
    classes_frame().write_csv(tmp_path / "data.csv")
    weights = []
    for out, threads in (("a", 1), ("b", 2)):
        arguments = ["train", tmp_path / "data.csv", "-t", "label", "-o", tmp_path / out, "--threads", threads, *FEW]
        assert run(*arguments).exit_code == 0
        weights.append(Network.load(tmp_path / out / "model.descend").get_weights())
    assert all(np.array_equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_training_again_replaces_the_files(tmp_path):
    classes_frame().write_csv(tmp_path / "data.csv")
    arguments = ["train", tmp_path / "data.csv", "-t", "label", "-o", tmp_path / "out", *FEW]
    assert run(*arguments).exit_code == 0
    (tmp_path / "out" / "notes.txt").write_text("mine")
    assert run(*arguments, "--seed", "5").exit_code == 0
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"
    assert Bundle.load(tmp_path / "out" / "model.descend").facts.seed == 5


def test_predict_classes(trained, tmp_path):
    new = classes_frame(30, seed=9).drop("label", "row").with_columns(colour=pl.lit("violet"))
    new.write_csv(tmp_path / "new.csv")
    out = tmp_path / "p.csv"
    result = run("predict", trained / "model" / "model.descend", tmp_path / "new.csv", "--out", out, "--keep", "x")
    assert result.exit_code == 0, result.output
    frame = pl.read_csv(out)
    assert frame.columns == ["x", "prediction", "probability no", "probability yes"]
    assert frame.height == 30
    shares = frame.select("probability no", "probability yes").to_numpy()
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
    assert frame["prediction"].to_list() == ["yes" if yes > 0.5 else "no" for _, yes in shares]


def test_predict_numbers_in_their_unit(numbers, tmp_path):
    pl.DataFrame({"b": [0.0, 1000.0], "a": [0.0, 0.0]}).write_parquet(tmp_path / "new.parquet")
    result = run("predict", numbers / "model", tmp_path / "new.parquet", "-o", tmp_path / "p.parquet")
    assert result.exit_code == 0, result.output
    values = pl.read_parquet(tmp_path / "p.parquet")["prediction"].to_numpy()
    np.testing.assert_allclose(values, [1e5, 1.03e5], rtol=0.02)


def test_a_column_kept_twice_is_kept_once(trained):
    data = trained / "data.csv"
    result = run("predict", trained / "model", data, "--keep", "colour", "--keep", "row", "--keep", "colour")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0].startswith("colour,row,prediction,")


def test_predict_prints_without_out(trained):
    result = run("predict", trained / "model" / "model.descend", trained / "data.csv")
    assert result.exit_code == 0
    assert result.stdout.startswith("prediction,probability no,probability yes\n")
    assert len(result.stdout.splitlines()) == 201


def test_evaluate_and_info(trained, numbers):
    result = run("evaluate", trained / "model" / "model.descend", trained / "data.csv")
    assert result.exit_code == 0 and "200 rows" in result.output and "accuracy" in result.output
    result = run("evaluate", numbers / "model" / "model.descend", numbers / "data.parquet")
    assert result.exit_code == 0 and "R²" in result.output
    result = run("info", trained / "model" / "model.descend")
    for words in ("colour", "one of 'no' and 'yes'", "time of year", "Dense", "numbers the rows", "linear model"):
        assert words in result.output, words


def test_the_encoder_is_in_the_model_file(trained):
    bundle = Bundle.load(trained / "model" / "model.descend")
    frame = pl.read_csv(trained / "data.csv")
    assert bundle.predict(frame).shape == (200, 2)
    assert bundle.encoder.to_json() == bundle.network.extra["table"]


@pytest.mark.parametrize(
    ("content", "extra", "words"),
    [
        (None, [], "no file"),
        ("", [], "is empty"),
        ("x,label\n", [], "no rows"),
        ("x,label\n1,a\n2,b\n", [], "at least 10 are needed"),
        ("x,y\n1,2\n", [], "no column 'label'"),
        ("x,label\n" + "1,a\n2,a\n" * 10, [], "holds only 'a'"),
        ("x,label\n" + "1,\n2,\n" * 10, [], "no value in any row"),
        ("x,label\n" + ",a\n,b\n" * 10, [], "No column is left to learn from ('x' holds no value"),
        ("x,label\n" + "1,a\n2,b\n" * 10, ["--task", "regression"], "a regression needs numbers"),
        ("x,label\n" + "inf,a\n2,b\n" * 10, [], "infinite number in row 1"),
        ("x,label\n" + "1,a\n2,b\nx,a\n" * 10, [], "mixes numbers with text"),
        ("x,label\n" + "".join(f"{i % 7},name{i}\n" for i in range(300)), [], "too many to be classes"),
        ("x,x,label\n" + "1,2,a\n" * 20, [], "more than one column named 'x'"),
        ("x,label\n" + "1,a\n2,b,c\n" * 20, [], "Line 3"),
        ("x,label\n" + "1,a\n2,b\n" * 10, ["--drop", "z"], "no column 'z'"),
        ("x,label\n" + "1,a\n2,b\n" * 10, ["--hidden", "ten"], "--hidden must be 'none' or the units"),
        ("x,label\n" + "1,a\n2,b\n" * 10, ["--lr", "-1"], "--lr must be a number above 0"),
        ("x,label\n" + "1,a\n2,b\n" * 10, ["--dropout", "1"], "--dropout must be"),
        ("x,label\n" + "1,a\n2,b\n" * 10, ["--hidden", "0"], "such as 128,64; got '0'"),
        ("x,label\n" + "1,a\n2,b\n" * 10, ["--hidden", "0,5"], "such as 128,64; got '0,5'"),
        ("x,label\n" + "1,a\n2,b\n" * 10, ["--test-size", "1.5"], "--test-size and --validation-size must be"),
        ("x,label\n" + "1,a\n2,b\n" * 10, ["--validation-size", "0"], "got 0.2 and 0"),
        ("x:label\n" + "1:a\n2:b\n" * 10, [], "'x:label': say what stands between its cells with --separator"),
        ("0.5,a\n" + "1,a\n2,b\n" * 10, [], "if its first line holds data, add a line of names"),
        ("x,label\n" + "1,a\n2,b\n" * 10, ["--epochs", "0"], "--epochs must be from 1"),
        ("x,label\n" + "1,a\n2,b\n" * 10, ["--epochs", "1" + "0" * 21], "--epochs must be from 1"),
        ("x,label\n" + "1,a\n2,b\n" * 10, ["--seed", "-1"], "--seed must be"),
        ("x,label\n" + "1,a\n2,b\n" * 10, ["--threads", "0"], "--threads must be"),
        ("x,label\n" + "1,a\n2,b\n" * 10, ["--threads", "100000"], "--threads must be from 1 to 1024"),
        ("x,label\n" + "1,a\n2,b\n" * 10, ["--threads", "1" + "0" * 20], "--threads must be from 1 to 1024"),
        ("x,label\n" + "1,a\n2,b\n" * 10, ["--hidden", "65536," * 30 + "1"], "use fewer --hidden units"),
        ("x,label\n" + "1,a\n2,b\n" * 10, ["--hidden", ""], "--hidden must be 'none'"),
        ("x,label\n" + "1,a\n2,b\n" * 10, ["--separator", ""], "separator must be one ASCII character"),
        ("x,label\n" + "1,a\n2,b\n" * 10, ["--drop", "label"], "--drop 'label' names the target"),
        ("x,label\n" + "1,a\n2,b\n" * 10, ["--categorical", "label"], "--categorical 'label' names the target"),
        ("x,label\n" + "1,a\n2,b\n" * 10, ["--weight-decay", "1e30"], "or a smaller --weight-decay"),
        ("x,label\n" + "1,2.5e300\n2,3.5\n3,5e300\n" * 10, [], "2.5e+300 in row 1, too large"),
        ("x,label\n" + "1,a\n2,b\n" * 10, ["--task", "poetry"], "no task 'poetry'"),
        ("x,label\n" + "1,2\n2,3.5\n4,9\n" * 10, ["--lr", "1e30", "--hidden", "none"], "smaller --lr"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) and "\n" not in value else "",
)
def test_bad_input_is_one_sentence(tmp_path, content, extra, words):
    data = tmp_path / "data.csv"
    if content is not None:
        data.write_text(content, encoding="utf-8")
    before = sorted(tmp_path.iterdir())
    result = run("train", data, "--target", "label", "--out", tmp_path / "out", "--quiet", *extra)
    assert result.exit_code == 2, result.output
    assert words in result.stderr
    assert result.stderr.count("\n") == 1 and result.stderr.startswith("descend: ")
    assert "Traceback" not in result.output
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train"], "Missing argument 'DATA'"),
        (
            ["train", "data.csv", "-t", "label", "--epochs", "few"],
            "descend: --epochs must be a whole number, got 'few'; see",
        ),
        (["train", "data.csv", "--seed=1.5"], "descend: --seed must be a whole number, got '1.5'; see 'descend train "),
        (["train", "data.csv", "--lr", "slow"], "descend: --lr must be a number, got 'slow'; see"),
        (["train", "data.csv", "--lr"], "requires an argument"),
        (["train", "data.csv", "-t", "label", "--epoch", "3"], "--epoch"),
        (["predict"], "MODEL"),
        (["info", "model.descend", "more"], "extra argument"),
        (["trian"], "trian"),
    ],
)
def test_bad_usage_is_one_sentence(capsys, arguments, words):
    with pytest.raises(SystemExit) as caught:
        run_process(arguments)
    error = capsys.readouterr().err
    assert caught.value.code == 2
    assert words in error and error.startswith("descend: ") and error.count("\n") == 1
    assert "--help'" in error


def test_a_forced_instruction_set_that_is_none_is_one_sentence(trained):
    done = subprocess.run(
        [sys.executable, "-m", "descend.cli", "info", str(trained / "model")],
        capture_output=True,
        text=True,
        env={**os.environ, "DESCEND_ISA": "mmx"},
    )
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "DESCEND_ISA='mmx'" in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="sends a POSIX signal")
def test_sigterm_leaves_nothing_behind(tmp_path):
    classes_frame(2000).write_csv(tmp_path / "data.csv")
    command = ["train", "data.csv", "-t", "label", "-o", "out", "--epochs", "100000", "--patience", "100000"]
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "descend.cli", *command], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("epoch"):
            process.terminate()
            break
    process.communicate(timeout=30)
    assert process.returncode == 143
    assert [path.name for path in tmp_path.iterdir()] == ["data.csv"]


def test_a_class_too_rare_to_test_is_said_and_drawn(tmp_path):
    frame = classes_frame().with_columns(label=pl.Series(["yes"] + ["no"] * 199))
    frame.write_csv(tmp_path / "data.csv")
    result = run("train", tmp_path / "data.csv", "-t", "label", "-o", tmp_path / "out", "--epochs", "3")
    assert result.exit_code == 0 and not result.stderr, result.output
    assert "Class 'yes' has too few rows to validate and test on" in result.output
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Confusion matrix" in page and "ROC and precision-recall" not in page


def test_output_problems_show_before_training(tmp_path):
    classes_frame().write_csv(tmp_path / "data.csv")
    (tmp_path / "taken").write_text("a file")
    result = run("train", tmp_path / "data.csv", "-t", "label", "-o", tmp_path / "taken", "--quiet")
    assert result.exit_code == 2 and "is a file; name a folder" in result.stderr
    result = run("train", tmp_path / "data.csv", "-t", "label", "-o", tmp_path / "taken" / "below", "--quiet")
    assert result.exit_code == 2 and "cannot be written to" in result.stderr


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["predict", "MODEL", "absent.csv"], "no file 'absent.csv'"),
        (["predict", "absent.descend", "DATA"], "no model file 'absent.descend'"),
        (["predict", "DATA", "DATA"], "cannot be loaded"),
        (["predict", "MODEL", "DATA", "--out", "p.xlsx"], "must end in .csv or .parquet"),
        (["predict", "MODEL", "DATA", "--out", "absent/p.csv"], "check that its folder exists"),
        (["predict", "MODEL", "DATA", "--keep", "colours"], "did you mean 'colour'"),
        (["predict", "MODEL", "LACKING"], "lacks the column 'colour'"),
        (["predict", "MODEL", "WRONG"], "'x' must hold numbers, but row 1 holds 'tall'"),
        (["evaluate", "MODEL", "UNLABELLED"], "lacks the target column 'label'"),
        (["evaluate", "MODEL", "OTHER"], "none of the model's classes"),
        (["info", "DATA"], "cannot be loaded"),
        (["info", "PLAIN"], "without the description of its table"),
    ],
)
def test_bad_input_of_the_other_commands(trained, tmp_path, monkeypatch, command, words):
    monkeypatch.chdir(tmp_path)
    frame = classes_frame()
    frame.drop("colour").write_csv("lacking.csv")
    frame.with_columns(x=pl.lit("tall")).write_csv("wrong.csv")
    frame.drop("label").write_csv("unlabelled.csv")
    frame.with_columns(label=pl.lit("perhaps")).write_csv("other.csv")
    Network([layers.Dense(1)], input_shape=2).save("plain.descend")
    names = {
        "MODEL": trained / "model" / "model.descend",
        "DATA": trained / "data.csv",
        **{name.upper(): f"{name}.csv" for name in ("lacking", "wrong", "unlabelled", "other")},
        "PLAIN": "plain.descend",
    }
    before = sorted(tmp_path.iterdir())
    result = run(*[names.get(word, word) for word in command])
    assert result.exit_code == 2, result.output
    assert words in result.stderr
    assert result.stderr.count("\n") == 1 and "Traceback" not in result.output
    assert sorted(tmp_path.iterdir()) == before


def test_a_tampered_table_description_is_refused(trained, tmp_path):
    network = Network.load(trained / "model" / "model.descend")
    network.extra = {
        **network.extra,
        "table": network.extra["table"].replace('"colour"', '"color"').replace("mean", "m"),
    }
    network.save(tmp_path / "m.descend")
    result = run("info", tmp_path / "m.descend")
    assert result.exit_code == 2 and "damaged" in result.stderr


def test_unforeseen_errors_keep_their_traceback(trained, monkeypatch):
    monkeypatch.setattr("descend.cli.info.info", lambda model: 1 / 0)
    result = run("info", trained / "model" / "model.descend")
    assert isinstance(result.exception, ZeroDivisionError)


def test_interrupt_before_the_end_writes_nothing(tmp_path, monkeypatch):
    classes_frame().write_csv(tmp_path / "data.csv")

    def interrupted(path, result):
        path.write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr("descend.cli.training._report", interrupted)
    result = run("train", tmp_path / "data.csv", "-t", "label", "-o", tmp_path / "out", *FEW)
    assert result.exit_code == 130
    assert [path.name for path in tmp_path.iterdir()] == ["data.csv"]


def test_an_interrupted_training_keeps_the_best_weights(tmp_path, monkeypatch):
    import signal

    from descend.callbacks import EarlyStopping

    classes_frame().write_csv(tmp_path / "data.csv")
    ended = EarlyStopping.on_epoch_end

    def interrupt(self, run):
        ended(self, run)
        if run.epoch == 3:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(EarlyStopping, "on_epoch_end", interrupt)
    result = run("train", tmp_path / "data.csv", "-t", "label", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "Stopped by Ctrl-C" in result.output
    assert len(pl.read_csv(tmp_path / "out" / "history.csv")) <= 4


def test_help_is_fast_and_light():
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom descend.cli.app import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "heavy = {'sklearn', 'matplotlib', 'polars', 'scipy', 'safetensors', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)


def test_demo_sets_are_what_they_say(tmp_path):
    frame = pl.read_csv(write_set("breast_cancer", tmp_path))
    assert frame.shape == (569, 31)
    assert set(frame["target"]) == {"benign", "malignant"}
    assert pl.read_csv(write_set("diabetes", tmp_path))["age"].max() > 70  # years, not standardized


def test_a_model_in_place_of_a_table_is_named(trained):
    model = trained / "model" / "model.descend"
    result = run("predict", model, model)
    assert result.exit_code == 2 and "is a trained model; name a table." in result.stderr


def test_an_interrupt_before_a_command_begins_is_one_sentence(monkeypatch, capsys):
    from descend import cli

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("descend.cli.app.run", interrupted)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 130
    assert capsys.readouterr().err == "Interrupted; nothing was written.\n"
