"""The commands on images and sequences, from the outside: what they write, print and refuse."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from cli_runs import refused, run
from descend import Network
from descend.cli.arrays.bundle import ArrayBundle
from descend.cli.models import load_model

FEW = ["--epochs", "6", "--quiet"]


def picture(kind: int, seed: int, side: int = 12) -> np.ndarray:
    """A bright bar, upright or lying."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 60, (side, side))
    at = int(rng.integers(3, side - 3))
    image[(slice(None), slice(at, at + 2)) if kind else (slice(at, at + 2), slice(None))] += 150
    return image.astype(np.uint8)


def write_images(folder: Path, rows: int = 30, *, colour: bool = False) -> Path:
    for kind, name in enumerate(("lying", "upright")):
        (folder / name).mkdir(parents=True)
        for i in range(rows):
            image = Image.fromarray(picture(kind, 1000 * kind + i))
            (image.convert("RGB") if colour else image).save(folder / name / f"{i:03d}.png")
    return folder


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    """A folder with `bars`, images of two classes, and `model`, trained on them."""
    folder = tmp_path_factory.mktemp("images")
    write_images(folder / "bars")
    result = run("train", folder / "bars", "--out", folder / "model", "--quiet", "--epochs", "25")
    assert result.exit_code == 0, result.output
    return folder


def sequences(rows: int = 80, seed: int = 0) -> dict[str, np.ndarray]:
    """Two classes of sequences of 12 to 20 steps, told by a slope."""
    rng = np.random.default_rng(seed)
    y = np.arange(rows) % 2
    lengths = rng.integers(12, 21, rows).astype(np.int32)
    X = 0.2 * rng.standard_normal((rows, 20, 2)).astype(np.float32)
    X[:, :, 0] += np.where(y, 1, -1)[:, None] * np.linspace(-1, 1, 20)
    return {"X": X, "y": np.array(["down", "up"])[y], "lengths": lengths}


def test_images_are_learned_and_described(images):
    names = sorted(path.name for path in (images / "model").iterdir())
    assert names == ["history.csv", "model.descend", "report.html"]
    bundle = load_model(images / "model")
    assert isinstance(bundle, ArrayBundle)
    assert bundle.encoder.shape == (12, 12, 1)
    scores = bundle.facts.scores
    assert scores["network"]["accuracy"] >= 0.9
    assert set(scores) == {"network", "linear model", "always the majority"}
    page = (images / "model" / "report.html").read_text()
    for words in ("What the network looks at", "First-layer filters", "Confusion matrix", "2 sub-folders"):
        assert words in page, words


def test_training_says_what_it_does(tmp_path):
    folder = write_images(tmp_path / "bars")
    (folder / "lying" / "broken.png").write_bytes(b"no image at all")
    (folder / "lying" / "notes.txt").write_text("mine")
    (folder / "nothing").mkdir()
    Image.fromarray(picture(0, 5, 30)[:, :24]).save(folder / "lying" / "large.png")
    result = run("train", folder, "--out", tmp_path / "out", "--epochs", "2")
    assert result.exit_code == 0, result.output
    for words in (
        "61 grey images of 12 x 12 pixels",
        "the images lie in 2 sub-folders",
        "1 of 61 images is not 12 x 12 pixels",
        "1 of 62 images cannot be read and was left out: 'lying/broken.png'",
        "1 other file in the folder is not used",
        "No images in 'nothing'",
        "small_cnn",
        "epoch 2/2",
        "linear model",
        "always the majority",
        "report.html",
    ):
        assert words in result.output, (words, result.output)


def test_same_seed_same_model(tmp_path):
    write_images(tmp_path / "bars", 12)
    weights = []
    for out, threads in (("a", 1), ("b", 2)):
        arguments = ["train", tmp_path / "bars", "--out", tmp_path / out, "--threads", threads, *FEW]
        assert run(*arguments).exit_code == 0
        weights.append(Network.load(tmp_path / out / "model.descend").get_weights())
    assert all(np.array_equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_predicting_for_a_folder_and_for_one_image(images, tmp_path):
    new = tmp_path / "new"
    new.mkdir()
    for i in range(6):
        Image.fromarray(picture(i % 2, 77 + i)).save(new / f"{i}.png")
    (new / "bad.jpg").write_bytes(b"")
    result = run("predict", images / "model", new, "--out", tmp_path / "out.csv")
    assert result.exit_code == 0, result.output
    assert "1 of 7 images cannot be read" in result.output
    frame = pl.read_csv(tmp_path / "out.csv")
    assert frame.columns == ["file", "prediction", "probability lying", "probability upright"]
    assert frame["file"].to_list() == [f"{i}.png" for i in range(6)]
    assert frame["prediction"].to_list() == ["lying", "upright"] * 3
    one = run("predict", images / "model", new / "1.png")
    assert one.output.splitlines()[1].startswith("1.png,upright,")


def test_evaluating_and_info(images):
    result = run("evaluate", images / "model", images / "bars")
    assert result.exit_code == 0, result.output
    assert "60 rows" in result.output and "accuracy" in result.output
    told = run("info", images / "model").output
    assert "grey images of 12 x 12 pixels" in told and "network small_cnn" in told and "Conv2D" in told
    assert "found. Checked were" in run("doctor", images / "model").output


def test_arrays_and_files_of_the_same_images_agree(images, tmp_path):
    X = np.stack([picture(i % 2, 300 + i) for i in range(8)])
    np.savez(tmp_path / "new.npz", X=X)
    folder = tmp_path / "new"
    folder.mkdir()
    for i, image in enumerate(X):
        Image.fromarray(image).save(folder / f"{i}.png")
    by_array = run("predict", images / "model", tmp_path / "new.npz").output
    by_file = run("predict", images / "model", folder).output
    assert [line.split(",", 1)[1] for line in by_file.splitlines()] == by_array.splitlines()


@pytest.mark.parametrize("network", ["lenet", "small_resnet"])
def test_other_networks(network, tmp_path):
    write_images(tmp_path / "bars", 10, colour=True)
    result = run("train", tmp_path / "bars", "--network", network, "--out", tmp_path / "out", *FEW)
    assert result.exit_code == 0, result.output
    bundle = load_model(tmp_path / "out")
    assert bundle.facts.recipe["network"] == network and bundle.encoder.shape == (12, 12, 3)


def test_parts_that_the_folder_sets_apart(tmp_path):
    write_images(tmp_path / "set" / "train", 20)
    write_images(tmp_path / "set" / "test", 7)
    result = run("train", tmp_path / "set", "--out", tmp_path / "out", "--epochs", "2")
    assert result.exit_code == 0, result.output
    assert "14 to test" in result.output and "set apart" in result.output


def test_sequences_of_different_lengths(tmp_path):
    np.savez(tmp_path / "slopes.npz", **sequences())
    result = run("train", tmp_path / "slopes.npz", "--out", tmp_path / "out", "--epochs", "15")
    assert result.exit_code == 0, result.output
    assert "sequences of at most 20 steps, 2 numbers each" in result.output and "sequence_lstm" in result.output
    bundle = load_model(tmp_path / "out")
    assert bundle.facts.scores["network"]["accuracy"] >= 0.9
    assert "What the network looks at" in (tmp_path / "out" / "report.html").read_text()
    more = sequences(20, seed=1)
    np.savez(tmp_path / "more.npz", **more)
    result = run("predict", tmp_path / "out", tmp_path / "more.npz")
    assert [line.split(",")[0] for line in result.output.splitlines()[1:]] == more["y"].tolist()
    # what stands behind the end has no effect
    junk = more["X"].copy()
    junk[np.arange(20) >= more["lengths"][:, None]] = 1e6
    np.savez(tmp_path / "junk.npz", X=junk, lengths=more["lengths"])
    assert run("predict", tmp_path / "out", tmp_path / "junk.npz").output == result.output


def test_sequences_of_one_length_and_a_number_to_predict(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((120, 16, 1)).astype(np.float32)
    y = X[:, :, 0].mean(axis=1) * 100 + 5
    np.savez(tmp_path / "means.npz", x_train=X[:90], y_train=y[:90], x_test=X[90:], y_test=y[90:])
    result = run("train", tmp_path / "means.npz", "--out", tmp_path / "out", "--epochs", "40", "--dropout", "0")
    assert result.exit_code == 0, result.output
    assert "sequence_cnn" in result.output and "30 to test" in result.output
    bundle = load_model(tmp_path / "out")
    assert bundle.facts.scores["network"]["r2"] > 0.5
    assert "Predicted against true" in (tmp_path / "out" / "report.html").read_text()
    with (tmp_path / "out" / "history.csv").open() as stream:
        assert {"epoch", "loss", "val_loss"} <= next(csv.DictReader(stream)).keys()


def test_a_table_in_an_archive(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((150, 3))
    X[::9, 1] = np.nan
    y = (X[:, 0] > 0).astype(int)
    split = (np.arange(150) % 5 == 0).astype(np.uint8)
    names = np.array(["no", "yes"])
    np.savez(tmp_path / "table.npz", X=X, y=y, class_names=names, feature_names=np.array(["a", "b", "c"]), split=split)
    result = run("train", tmp_path / "table.npz", "--out", tmp_path / "out", "--epochs", "3")
    assert result.exit_code == 0, result.output
    assert "30 to test" in result.output and "'no'" not in result.stderr
    np.savez(tmp_path / "new.npz", X=X[:4], feature_names=np.array(["a", "b", "c"]))
    assert run("predict", tmp_path / "out", tmp_path / "new.npz").output.startswith("prediction,probability no")
    assert run("evaluate", tmp_path / "out", tmp_path / "table.npz").exit_code == 0


def archive(path: Path, **arrays: object) -> Path:
    np.savez(path / "data.npz", **arrays)  # type: ignore[arg-type]
    return path / "data.npz"


RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 255, (20, 12, 12)).astype(np.uint8)
WAVES = RNG.standard_normal((20, 9, 2)).astype(np.float32)
HALVES = np.arange(20) % 2


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"Z": GREY}, "neither X nor x_train"),
        ({"X": GREY}, "has no y to learn"),
        ({"X": GREY, "y": HALVES[:5]}, "y of .* must hold one value for each of the 20 rows"),
        ({"X": GREY, "y": np.zeros(20, int)}, "holds only '0'"),
        ({"X": np.array([{}] * 20, object), "y": HALVES}, "pickled objects"),
        ({"X": GREY[:, None], "y": HALVES}, "channels first"),
        ({"X": GREY[..., None, None], "y": HALVES}, "must hold numbers with 2 axes"),
        ({"X": np.where(WAVES > 2, np.nan, WAVES), "y": HALVES}, "NaN or infinity in row"),
        ({"X": WAVES, "y": HALVES, "lengths": np.full(20, 99)}, "lengths of .* must be from 1 to 9"),
        ({"X": WAVES, "y": HALVES, "lengths": np.full(20, 4.5)}, "one whole number for each"),
        ({"X": WAVES[:, :, 0], "y": HALVES, "lengths": np.full(20, 4)}, "that of a table, although"),
        ({"X": WAVES[:4], "y": HALVES[:4]}, "at least 10 are needed"),
        ({"X": np.zeros((20, 9, 2)), "y": HALVES}, "are the same"),
        ({"X": WAVES[:, :0], "y": HALVES}, "every axis must hold from 1"),
        ({"x_train": WAVES, "y_train": HALVES, "x_test": WAVES[:, :5], "y_test": HALVES}, "rows of different shapes"),
        ({"X": WAVES, "y": HALVES, "split": np.ones(20)}, "split of .* must hold 0 for training and 1"),
        ({"X": WAVES, "y": HALVES, "class_names": np.array(["one"])}, "class_names"),
        ({"X": WAVES, "x": WAVES, "y": HALVES}, "twice"),
        ({"X": GREY[:, :1, :1], "y": HALVES}, "cannot be built|are the same"),
    ],
)
def test_archives_that_are_refused(arrays, words, tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        message = refused("train", archive(tmp_path, **arrays), "--quiet")
    assert re.search(words, message), message
    assert not (tmp_path / "data-model").exists()


def test_no_archive_at_all(tmp_path):
    (tmp_path / "data.npz").write_bytes(b"PK no")
    assert "not a readable .npz file" in refused("train", tmp_path / "data.npz")
    assert "There is no file" in refused("train", tmp_path / "none.npz")


def test_folders_that_are_refused(tmp_path):
    (tmp_path / "a").mkdir()
    assert "holds no images; name a CSV" in refused("train", tmp_path / "a", "--target", "y")
    Image.fromarray(GREY[0]).save(tmp_path / "a" / "1.png")
    assert "has no sub-folders" in refused("train", tmp_path / "a")
    (tmp_path / "a" / "1.png").unlink()
    (tmp_path / "a" / "cats").mkdir()
    assert "holds an image" in refused("train", tmp_path / "a")
    Image.fromarray(GREY[0]).save(tmp_path / "a" / "cats" / "1.png")
    assert "images of one class only, 'cats'" in refused("train", tmp_path / "a")
    (tmp_path / "a" / "dogs").mkdir()
    (tmp_path / "a" / "dogs" / "1.png").write_bytes(b"x")
    assert "nothing to learn" in refused("train", tmp_path / "a")
    (tmp_path / "a" / "cats" / "1.png").write_bytes(b"x")
    assert "None of the 2 images" in refused("train", tmp_path / "a")


def test_images_that_are_too_small_until_enlarged(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "set" / name).mkdir(parents=True)
        for i in range(8):
            Image.fromarray(RNG.integers(0, 255, (3, 5)).astype(np.uint8)).save(tmp_path / "set" / name / f"{i}.png")
    assert "3 x 5 pixels in the median, and at least 8 x 8" in refused("train", tmp_path / "set")
    done = run("train", tmp_path / "set", "--image-size", "8x10", "--out", tmp_path / "out", *FEW)
    assert done.exit_code == 0, done.output
    assert load_model(tmp_path / "out").encoder.shape == (8, 10, 1)


def test_options_that_do_not_fit(images, tmp_path):
    bars, out = images / "bars", ("--out", tmp_path / "out")
    assert "--target names a column" in refused("train", bars, "--target", "class", *out)
    assert "--hidden is for tables" in refused("train", bars, "--hidden", "64", *out)
    assert "--network for images must be one of small_cnn" in refused("train", bars, "--network", "sequence_lstm", *out)
    assert "--task" in refused("train", bars, "--task", "regression", *out)
    assert "--image-size must be a side" in refused("train", bars, "--image-size", "0x9", *out)
    assert "--form says" in refused("train", bars, "--form", "image", *out)
    assert "--drop" in refused("train", bars, "--drop", "x", *out)
    assert "leave --task out" in refused("train", bars, "--task", "regression", *out)
    for option in ("--separator", "--encoding", "--missing"):
        assert f"{option} is for CSV files" in refused("train", bars, option, "x", *out)
        for command in ("predict", "evaluate"):
            assert f"{option} is for CSV files" in refused(command, images / "model", bars, option, "x")
    frame = tmp_path / "table.csv"
    frame.write_text("a,b\n" + "".join(f"{i % 7},{i % 2}\n" for i in range(20)))
    assert "name the column to predict with --target" in refused("train", frame, *out)
    assert "--network is for images" in refused("train", frame, "-t", "b", "--network", "lenet", *out)
    assert "--image-size is for folders" in refused("train", frame, "-t", "b", "--image-size", "32", *out)
    assert "--keep copies columns" in refused("predict", images / "model", bars, "--keep", "x")
    assert "does not fit a model of images" in refused("predict", images / "model", frame)
    assert "none of the model's classes" in _other_classes(images, tmp_path)
    np.savez(tmp_path / "waves.npz", X=WAVES, y=HALVES)
    assert "--missing is for CSV files" in refused("train", tmp_path / "waves.npz", "--missing", "x", *out)
    np.savez(tmp_path / "bare.npz", X=np.ones((4, 12, 12), np.uint8))
    assert "has no y to compare with" in refused("evaluate", images / "model", tmp_path / "bare.npz")
    (tmp_path / "torn.png").write_text("no picture")
    assert "torn.png' cannot be read" in refused("predict", images / "model", tmp_path / "torn.png")
    assert "model takes (12, 12, 1)" in refused("predict", images / "model", tmp_path / "waves.npz")
    np.savez(tmp_path / "slopes.npz", **sequences())
    assert "one length only" in refused("train", tmp_path / "slopes.npz", "--network", "sequence_cnn", *out)
    for options in ((), ("-t", "y")):
        said = refused("doctor", tmp_path / "slopes.npz", *options)
        assert "holds sequences of shape" in said and "then run doctor on the folder" in said


@pytest.mark.parametrize("options", [(), ("-t", "class"), ("--epochs", "3")])
def test_doctor_sends_folders_of_images_to_train(images, tmp_path, options):
    bars = images / "bars"
    for folder in (bars, next(sub for sub in bars.iterdir() if sub.is_dir())):
        said = refused("doctor", folder, *options)
        assert f"'{folder}' is a folder of images, and doctor trains on tables only; train with 'descend train" in said
    image = next(file for file in bars.rglob("*.png"))
    assert f"'{image}' is an image, and doctor" in refused("doctor", image, *options)
    assert run("doctor", images / "model").exit_code == 0
    (tmp_path / "empty").mkdir()
    assert "is not a run of 'descend train'; name the folder" in refused("doctor", tmp_path / "empty")
    assert "name a folder that 'descend train' made" in refused("info", tmp_path / "empty")


@pytest.mark.parametrize(
    ("make", "kinds", "found"),
    [
        ("bars", "flip, shift,rotate,zoom,light", ["RandomFlip", "RandomTranslation", "RandomRotation", "RandomZoom"]),
        ("waves", "shift,scale,noise", ["RandomTimeShift", "RandomScaling", "GaussianNoise"]),
        ("slopes", "scale,noise", ["RandomScaling", "GaussianNoise"]),
    ],
)
def test_augmentation(make: str, kinds: str, found: list[str], images: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "waves.npz", X=WAVES, y=HALVES)
    np.savez(tmp_path / "slopes.npz", **sequences())
    data = images / "bars" if make == "bars" else tmp_path / f"{make}.npz"
    result = run("train", data, "--out", tmp_path / "model", "--epochs", "2", "--augment", kinds)
    assert result.exit_code == 0, result.output
    assert f"Augmentation, anew in every epoch: {', '.join(kinds.replace(' ', '').split(','))}." in result.output
    bundle = load_model(tmp_path / "model")
    assert [type(layer).__name__ for layer in bundle.network.layers[: len(found)]] == found
    assert bundle.facts.recipe["augment"] == kinds.replace(" ", "").split(",")
    shown = " ".join(run("info", tmp_path / "model" / "model.descend").output.split())
    assert f"augment {' and '.join(bundle.facts.recipe['augment'])}." in shown


def test_augmentation_that_there_is_not(images: Path, tmp_path: Path) -> None:
    out = ("--out", tmp_path / "out")
    assert "takes flip, shift, rotate, zoom, light, got 'noise'" in refused(
        "train", images / "bars", "--augment", "flip,noise", *out
    )
    assert "every kind once" in refused("train", images / "bars", "--augment", "flip,flip", *out)
    (tmp_path / "table.csv").write_text("a,y\n" + "1,2\n3,4\n" * 30)
    assert "--augment is for images" in refused("train", tmp_path / "table.csv", "-t", "y", "--augment", "flip", *out)


def _other_classes(images: Path, tmp_path: Path) -> str:
    write_images(tmp_path / "others", 2)
    (tmp_path / "others" / "lying").rename(tmp_path / "others" / "leaning")
    return refused("evaluate", images / "model", tmp_path / "others")


def test_damaged_model(images, tmp_path):
    network = Network.load(images / "model" / "model.descend")
    network.extra["arrays"] = network.extra["arrays"].replace('"mean": [', '"mean": ["x", ')
    network.save(tmp_path / "m.descend")
    assert "damaged" in refused("info", tmp_path / "m.descend")
