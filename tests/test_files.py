"""Model files: what comes back, and that nothing but a clear error comes of a bad one."""

from __future__ import annotations

import json
import os
import stat

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from descend import ModelFileError, Network, callbacks, initializers, layers, losses, optimizers, penalties, schedules
from descend.model import archive

RNG = np.random.default_rng(3)
X = RNG.normal(size=(60, 3))
CLASSES = np.digitize(X[:, 0], [-0.5, 0.5])


def everything(dtype: str = "float32") -> Network:
    """A network with every kind of layer and specification that has something to store."""
    net = Network(
        [
            layers.Dense(6, activation=layers.LeakyReLU(0.1), weight_initializer=initializers.Orthogonal(0.5)),
            layers.BatchNorm(momentum=0.8, scale=False),
            layers.PReLU(),
            layers.Dropout(0.2, name="drop"),
            layers.LayerNorm(epsilon=1e-4, scale=False),
            layers.GaussianNoise(0.1),
            layers.Dense(
                5, activation=layers.ELU(0.7), penalty=penalties.L1L2(1e-4, 1e-3), use_bias=False, max_norm=2.0
            ),
            layers.Activation("mish"),
            layers.Dense(3),
        ],
        dtype=dtype,
        seed=11,
        penalty=penalties.L2(1e-3),
    )
    net.extra = {"names": ["a", "b"], "scale": 0.1, "nested": {"list": [1, None, True]}}
    optimizer = optimizers.AdamW(schedules.WarmUp(schedules.Cosine(0.01), steps=4), clip_norm=1.0)
    net.fit(
        X, CLASSES, loss=losses.CategoricalCrossentropy(label_smoothing=0.1), optimizer=optimizer, epochs=3,
        metrics=["accuracy"], validation_split=0.3, verbose=0,
    )  # fmt: skip
    return net


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> tuple[Network, bytes]:
    net = everything()
    path = tmp_path_factory.mktemp("model") / "m.descend"
    net.save(path)
    return net, path.read_bytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_everything_comes_back(tmp_path, dtype):
    net = everything(dtype)
    net.save(tmp_path / "m.descend")
    twin = Network.load(tmp_path / "m.descend")
    assert twin.layers == net.layers and twin.input_shape == net.input_shape
    assert (twin.seed, twin.dtype, twin.loss, twin.extra) == (net.seed, net.dtype, net.loss, net.extra)
    assert twin.plan() == net.plan() and twin.summary() == net.summary()
    assert twin.history == net.history
    np.testing.assert_array_equal(twin.predict(X), net.predict(X))
    first, second = (one.fit(X, CLASSES, epochs=2, verbose=0) for one in (net, twin))
    assert first.loss == second.loss and first.learning_rate == second.learning_rate


def test_networks_at_every_stage_come_back(tmp_path):
    path = tmp_path / "m.descend"
    fresh = Network([layers.Dense(2)], seed=4)
    fresh.save(path)
    assert Network.load(path).input_shape is None
    shaped = Network([layers.Dense(2)], 3, seed=4)
    shaped.save(path)
    np.testing.assert_array_equal(Network.load(path).predict(X), shaped.predict(X))
    diverse = Network([layers.Dense(3, activation="tanh"), layers.Dense(1)])
    diverse.fit(X, X[:, 0], optimizer="lbfgs", epochs=2, verbose=0)
    diverse.save(path)
    twin = Network.load(path)
    assert twin.history.loss == diverse.history.loss and np.isnan(twin.history.learning_rate).all()
    twin.fit(X, X[:, 0], optimizer="adam", epochs=1, verbose=0)


def test_the_optimizer_state_is_optional(tmp_path):
    net = everything()
    net.save(tmp_path / "small.descend", optimizer=False)
    net.save(tmp_path / "large.descend")
    small = Network.load(tmp_path / "small.descend")
    np.testing.assert_array_equal(small.predict(X), net.predict(X))
    assert not [name for name in load_file(tmp_path / "small.descend") if name.startswith("optimizer/")]
    small.fit(X, CLASSES, epochs=1, verbose=0)
    assert small.history.epoch == [1, 2, 3, 4]


def test_nothing_is_left_half_written(tmp_path, monkeypatch, saved):
    path = tmp_path / "m.descend"
    path.write_bytes(saved[1])

    def fail(source, target):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no space"):
        saved[0].save(path)
    assert path.read_bytes() == saved[1] and os.listdir(tmp_path) == ["m.descend"]


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_files_get_ordinary_permissions(tmp_path, saved):
    saved[0].save(tmp_path / "m.descend")
    (tmp_path / "plain").touch()
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("m.descend", "plain")}
    assert len(modes) == 1


def test_what_json_cannot_hold_is_refused_before_anything_is_written(tmp_path):
    net = Network([layers.Dense(1)], 2)
    for extra in ({"a": np.zeros(2)}, {"a": float("nan")}):
        net.extra = extra
        with pytest.raises((TypeError, ValueError), match="extra must hold what JSON can"):
            net.save(tmp_path / "m.descend")
    assert not os.listdir(tmp_path)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no such folder to save in: '.*absent'"):
        Network([layers.Dense(1)], 2).save(tmp_path / "absent" / "m.descend")


def test_a_missing_file_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        Network.load(tmp_path / "none.descend")


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 100, 1000, -1, -100])
def test_a_truncated_file_is_refused(tmp_path, saved, length):
    path = tmp_path / "m.descend"
    path.write_bytes(saved[1][:length])
    with pytest.raises(ModelFileError, match=r"m\.descend cannot be loaded"):
        Network.load(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty; copy it again"),
        (b"hi", "it is not a model file, or its beginning was damaged; name a file that Network.save"),
        (b"hello", "it is text, not a model file; name a file that Network.save"),
        (b"a,b\n1,2\n" * 9, "it is text, not a model file; name a file that Network.save"),
        ("ä".encode() * 400, "it is text, not a model file"),
        (b"\x80\x04K\x01.", "it is a pickle of Python, not a model file"),
        (b"PK\x03\x04" + bytes(200), "it is a ZIP archive, as PyTorch, Keras and NumPy write them, not a model file"),
        (b"\x89HDF\r\n\x1a\n" + bytes(99), "it is an HDF5 file"),
        (b"\xff" * 64, "it is not a model file, or its beginning was damaged"),
        (bytes(64), "it is not a model file, or its beginning was damaged"),
        (b"{}" * 50, "it is text"),
        (b"\x08" + bytes(7) + b"[1,2,3]]", "it is not a model file"),
    ],
)
def test_a_foreign_file_is_refused_in_plain_words(tmp_path, content, words):
    path = tmp_path / "m.descend"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=words) as raised:
        Network.load(path)
    assert not any(jargon in str(raised.value) for jargon in ("safetensors", "header", "deserializ", "JSON"))


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b[:100], lambda b: b + b"x", lambda b: b"\x00" + b[1:]])
def test_a_damaged_file_says_so_in_plain_words(tmp_path, saved, damage):
    path = tmp_path / "m.descend"
    path.write_bytes(damage(saved[1]))
    with pytest.raises(ModelFileError, match="cannot be loaded: it is damaged or cut short; copy it again") as raised:
        Network.load(path)
    assert "header" not in str(raised.value)


@pytest.mark.skipif(os.name != "posix", reason="pipes")
def test_a_pipe_is_refused_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ModelFileError, match="it is a device or a pipe, not a file"):
        Network.load(tmp_path / "pipe")


def test_a_folder_is_refused_by_its_own_name(tmp_path, saved):
    with pytest.raises(IsADirectoryError, match="This is a folder; name a file in it to save to") as raised:
        saved[0].save(tmp_path)
    assert raised.value.filename == str(tmp_path)


def test_an_incomplete_description_names_what_it_lacks(tmp_path, saved):
    tampered(tmp_path / "m.descend", saved[1], lambda description, arrays: description.pop("input_shape"))
    with pytest.raises(ModelFileError, match="its description lacks 'input_shape'"):
        Network.load(tmp_path / "m.descend")


def test_a_layer_of_ones_own_that_is_not_registered_is_named(tmp_path, saved):
    tampered(tmp_path / "m.descend", saved[1], put("layers", 0, "type", value="layers.Mine"))
    with pytest.raises(ModelFileError, match=r"'layers\.Mine'; a class of your own must be imported and registered"):
        Network.load(tmp_path / "m.descend")


def test_another_programs_safetensors_file_is_refused(tmp_path):
    path = tmp_path / "m.safetensors"
    save_file({"w": np.zeros(3)}, path, {"format": "pt"})
    with pytest.raises(ModelFileError, match="another program wrote it; name a file that"):
        Network.load(path)
    save_file({"w": np.zeros(3)}, path)
    with pytest.raises(ModelFileError):
        Network.load(path)


def test_a_newer_file_says_so(tmp_path, saved, monkeypatch):
    path = tmp_path / "m.descend"
    monkeypatch.setattr(archive, "VERSION", 3)
    saved[0].save(path)
    monkeypatch.undo()
    with pytest.raises(ModelFileError, match="format version 3 and this library reads up to 2; install a newer"):
        Network.load(path)


def test_a_version_that_never_was_is_refused(tmp_path, saved):
    path = tmp_path / "m.descend"
    path.write_bytes(saved[1].replace(b'"version":"2"', b'"version":"0"'))
    with pytest.raises(ModelFileError, match="does not state its format's version"):
        Network.load(path)


def test_random_damage_never_gets_through(tmp_path, saved):
    """Flipped bytes anywhere: a clear error, or (where the byte does not matter) exactly the same network."""
    net, content = saved
    path = tmp_path / "m.descend"
    expected = net.predict(X)
    rng = np.random.default_rng(0)
    refused = 0
    for trial in range(400):
        damaged = bytearray(content)
        # The first half of the trials go to the header, where the structure is.
        end = len(content) if trial % 2 else 8 + int.from_bytes(content[:8], "little")
        for position in rng.integers(0, end, rng.integers(1, 4)):
            damaged[position] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        try:
            twin = Network.load(path)
        except ModelFileError:
            refused += 1
        else:
            np.testing.assert_array_equal(twin.predict(X), expected)
    assert refused > 390


def tampered(path, content: bytes, change) -> None:
    """Write a file whose description was changed by somebody who also set the checksum right."""
    path.write_bytes(content)
    description, arrays = archive.read(path)
    change(description, arrays)
    archive.write(path, description, arrays)


def put(*keys, value):
    """A change of one entry of the description."""

    def change(description, arrays):
        table = description
        for key in keys[:-1]:
            table = table[key]
        table[keys[-1]] = value

    return change


def drop_array(description, arrays):
    del arrays["dense_2/weight"]


def add_array(description, arrays):
    arrays["other"] = np.zeros(3, dtype=np.float32)


def spoil_array(description, arrays):
    arrays["dense_2/weight"] = np.full_like(arrays["dense_2/weight"], np.nan)


def retype_array(description, arrays):
    arrays["dense_2/weight"] = arrays["dense_2/weight"].astype(np.float64)


def shorten_slot(description, arrays):
    arrays["optimizer/m"] = arrays["optimizer/m"][:-1]


@pytest.mark.parametrize(
    "change",
    [
        put("layers", 0, "type", value="os.system"),
        put("layers", 0, "type", value="layers.__class__"),
        put("layers", 0, "type", value="losses.MSE"),
        put("layers", 0, "type", value=None),
        put("layers", 0, "units", value=10**12),
        put("layers", 0, "units", value=2**20),
        put("layers", 0, "units", value=-1),
        put("layers", 0, "units", value="6"),
        put("layers", 0, "units", value=[6]),
        put("layers", 0, "activation", value={"type": "layers.Activation", "function": {"type": "layers.Dense"}}),
        put("layers", 0, "unknown", value=1),
        put("layers", 3, "rate", value=2.0),
        put("layers", 3, "name", value="../../x"),
        put("layers", value=[]),
        put("layers", value={}),
        put("layers", value=None),
        put("input_shape", value=[4]),
        put("input_shape", value=[10**18, 10**18]),
        put("input_shape", value=[-3]),
        put("input_shape", value="3"),
        put("input_shape", value=None),
        put("seed", value=-1),
        put("seed", value=True),
        put("seed", value=10**30),
        put("dtype", value="object"),
        put("dtype", value=["float32"]),
        put("penalty", value={"type": "layers.ReLU"}),
        put("history", value=3),
        put("history", "columns", "loss", value=[1.0]),
        put("history", "columns", "loss", value="abc"),
        put("history", "columns", value={}),
        put("history", "best_epoch", value="x"),
        put("training", value=[]),
        put("training", "target", value="eval"),
        put("training", "loss", value={"type": "losses.MSE"}),
        put("training", "optimizer", value={"type": "optimizers.SGD"}),
        put("training", "optimizer", value=None),
        put("training", "optimizer", "learning_rate", value={"type": "schedules.Step"}),
        put("training", "epoch", value=-1),
        put("training", "step", value=10**400),
        put("training", "rate", value="fast"),
        put("training", "watched", value=[None]),
        put("training", value=None),
        put("extra", value=[]),
        lambda description, arrays: description.clear(),
        lambda description, arrays: arrays.clear(),
        drop_array,
        add_array,
        spoil_array,
        retype_array,
        shorten_slot,
    ],
)
def test_a_hostile_description_is_refused(tmp_path, saved, change):
    path = tmp_path / "m.descend"
    tampered(path, saved[1], change)
    with pytest.raises(ModelFileError, match="cannot be loaded"):
        Network.load(path)


def test_a_deeply_nested_description_is_refused(tmp_path, saved, monkeypatch):
    path = tmp_path / "m.descend"
    monkeypatch.setattr(json, "dumps", lambda *args, **kwargs: "[" * 100_000 + "]" * 100_000)
    archive.write(path, {}, {})
    monkeypatch.undo()
    with pytest.raises(ModelFileError):
        Network.load(path)


def test_checkpoints_and_saves_are_the_same_format(tmp_path):
    path = tmp_path / "m.descend"
    Network([layers.Dense(1)]).fit(X, X[:, 0], epochs=1, callbacks=callbacks.Checkpoint(path), verbose=0)
    assert Network.load(path).history.epoch == [1]
