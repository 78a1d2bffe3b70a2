"""Layers that stand in several places, and layers tied to others."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

from descend import ModelFileError, Network, NetworkRegressor, layers, optimizers, specs
from descend.plan import PlanError, lower, validate

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 6))
Y = np.stack([X[:, 0] * X[:, 1], np.abs(X[:, 2])], axis=1)


def autoencoder(by_name: bool = False, **settings) -> list[layers.Layer]:
    """Two tied pairs around a bottleneck of two units."""
    outer = layers.Dense(4, "tanh", name="outer", **settings)
    inner = layers.Dense(2, "tanh")
    return [
        outer,
        inner,
        layers.Dense(4, "tanh", tied_to="dense_1" if by_name else inner),
        layers.Dense(6, tied_to="outer" if by_name else outer),
    ]


def shared_twice() -> list[layers.Layer]:
    again = layers.Dense(6, "relu")
    return [again, layers.Dense(6, "tanh"), again, layers.Dense(2)]


def test_a_shared_layer_has_its_parameters_once() -> None:
    plan = lower(shared_twice(), 6)
    assert [op.name for op in plan.ops] == ["dense_1", "relu_1", "dense_2", "tanh_1", "dense_1@2", "relu_2", "dense_3"]
    assert [p.name for p in plan.parameters if p.name.endswith("weight")] == [
        "dense_1/weight",
        "dense_2/weight",
        "dense_3/weight",
    ]
    net = Network(shared_twice(), 6, dtype="float64")
    w = net.get_weights()
    assert list(w) == [p.name for p in plan.parameters]
    first = np.maximum(X @ w["dense_1/weight"], 0)
    second = np.tanh(first @ w["dense_2/weight"])
    third = np.maximum(second @ w["dense_1/weight"], 0)
    np.testing.assert_allclose(net.predict(X), third @ w["dense_3/weight"], rtol=1e-12)


def test_identity_and_not_equality_shares() -> None:
    one, other = layers.Dense(6), layers.Dense(6)
    assert one == other
    assert len(lower([one, other], 6).parameters) == 4
    assert len(lower([one, one], 6).parameters) == 2


@dataclass(frozen=True)
class Block(layers.Layer):
    """Makes new objects whenever it is asked."""

    units: int = 6

    def expand(self) -> tuple[layers.Layer, ...]:
        return layers.Residual([layers.Dense(self.units, "relu"), layers.Dropout(0.1, name="drop")]), layers.BatchNorm()


def test_whole_blocks_are_shared() -> None:
    block = Block()
    plan = lower([block, layers.Concatenate([[], [layers.ReLU(), block]]), layers.Dense(1)], 6)
    names = [op.name for op in plan.ops]
    assert names == [
        "dense_1", "relu_1", "drop", "residual_1", "batch_norm_1",
        "relu_2", "dense_1@2", "relu_3", "drop@2", "residual_2", "batch_norm_1@2", "concatenate_1", "dense_2",
    ]  # fmt: skip
    assert sum(p.name.startswith("batch_norm") for p in plan.parameters) == 4
    streams = [op.stream for op in plan.ops if hasattr(op, "stream")]
    assert streams == [0, 1]


def test_a_tied_layer_uses_the_transpose() -> None:
    net = Network(autoencoder(), 6, dtype="float64")
    net.fit(X, X, loss="mse", epochs=3, verbose=0)
    w = net.get_weights()
    assert list(w) == ["outer/weight", "outer/bias", "dense_1/weight", "dense_1/bias", "dense_2/bias", "dense_3/bias"]
    h = X
    for weight, bias in (
        (w["outer/weight"], w["outer/bias"]),
        (w["dense_1/weight"], w["dense_1/bias"]),
        (w["dense_1/weight"].T, w["dense_2/bias"]),
    ):
        h = np.tanh(h @ weight + bias)
    np.testing.assert_allclose(net.predict(X), h @ w["outer/weight"].T + w["dense_3/bias"], rtol=1e-12)
    named = Network(autoencoder(by_name=True), 6, dtype="float64")
    named.fit(X, X, loss="mse", epochs=3, verbose=0)
    np.testing.assert_array_equal(named.predict(X), net.predict(X))


@pytest.mark.parametrize("optimizer", [optimizers.Nesterov(0.05), optimizers.Adam(0.01, clip_norm=0.5)], ids=repr)
def test_the_transpose_is_the_weights_own_whatever_happened(optimizer: optimizers.Optimizer) -> None:
    """After training (at a look-ahead point, too), set_weights, gradients, and in a copy."""
    net = Network(autoencoder(max_norm=0.8), 6, dtype="float32")
    for _ in range(2):
        net.fit(X, X, loss="mse", optimizer=optimizer, epochs=2, validation_split=0.2, verbose=0)
        fresh = Network(net.layers, 6, dtype="float32")
        fresh.set_weights(net.get_weights())
        expected = fresh.predict(X)
        np.testing.assert_array_equal(net.predict(X), expected)
        net.gradients(X, X, loss="mse")
        np.testing.assert_array_equal(net.predict(X), expected)
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(net)).predict(X), expected)


def test_summary_counts_shared_weights_once() -> None:
    net = Network(autoencoder(), 6)
    text = str(net.summary())
    assert text.splitlines()[-3].split() == ["dense_3", "Dense", "(rows,", "6)", "6", "+", "outer's"]
    assert "48 trained weights (80 weights without sharing)" in text
    assert "dense_1's" in Network(shared_twice(), 6).summary()
    assert "dense(%6, outer/weight, bias) transposed" in net.plan()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: layers.Dense(3, tied_to=layers.ReLU()),
            TypeError,
            "must be a Dense or Embedding layer, or the name",
        ),
        (lambda: layers.Dense(3, tied_to="a", penalty="l2"), ValueError, "penalty belongs to the layer that has"),
        (lambda: layers.Dense(3, tied_to="a", max_norm=1.0), ValueError, "max_norm belongs to"),
        (lambda: layers.Dense(3, tied_to="a", weight_initializer="zeros"), ValueError, "weight_initializer belongs"),
        (lambda: layers.Dense(3, tied_to=layers.Dense(3, tied_to="a")), ValueError, "is tied itself"),
        (lambda: [layers.Dense(3, tied_to=layers.Dense(3))], ValueError, "does not come earlier in the network"),
        (
            lambda: [layers.Dense(3, tied_to="dense_1")],
            ValueError,
            r"must name a Dense or Embedding that comes earlier in the network, got 'dense_1', which no layer "
            "before it is called; there is none to tie to",
        ),
        (
            lambda: [layers.Dense(3, name="a"), layers.ReLU(name="b"), layers.Dense(6, tied_to="b")],
            ValueError,
            "must name a Dense or Embedding .*, got 'b', a ReLU; tie to a$",
        ),
        (
            lambda: [layers.Dense(3, name="a"), layers.Dense(6, tied_to="a", name="c"), layers.Dense(3, tied_to="c")],
            ValueError,
            "'c', which is tied to 'a'; tie to that one",
        ),
        (
            lambda: [layers.Dense(3, name="a"), layers.Dense(4), layers.Dense(6, tied_to="a")],
            ValueError,
            r"has 4 inputs and 6 units.*a/weight has shape \(6, 3\); a layer tied to it turns 3 inputs into 6 units",
        ),
        (lambda: [layers.Dense(3)] * 2, ValueError, r"dense_1@2 shares dense_1/weight of shape \(6, 3\)"),
        (lambda: [layers.Dense(3, name="a@2")], ValueError, "must be free of '@'"),
    ],
)
def test_what_cannot_be_shared_is_refused(make, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        lower(make(), 6)


IMAGES = RNG.normal(size=(40, 7, 6, 2))


def conv_autoencoder(**settings) -> list[layers.Layer]:
    """Two convolutions, one by its name, and their adjoints."""
    options = {"strides": 2, "padding": "same", "use_bias": False}
    outer = layers.Conv2D(5, 3, name="outer", activation="sigmoid", **options, **settings)
    inner = layers.Conv2D(4, 2, padding="same")
    return [
        outer,
        inner,
        layers.Conv2DTranspose(5, 2, padding="same", tied_to=inner, activation="tanh"),
        layers.Conv2DTranspose(2, 3, **options, tied_to="outer"),
    ]


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({"strides": 2, "padding": "same"}, (8, 6, 4)),
        ({"strides": (2, 1), "dilation_rate": (1, 2)}, (7, 5, 4)),
        ({"padding": "same", "groups": 2}, (5, 4, 4)),
    ],
    ids=repr,
)
def test_a_tied_transpose_is_the_adjoint(options, shape: tuple[int, ...]) -> None:
    """The inner products <conv(x), y> and <x, transpose(y)> are the same."""
    there = layers.Conv2D(6, 3, use_bias=False, **options)
    back = layers.Conv2DTranspose(4, 3, use_bias=False, tied_to=there, **options)
    net = Network([there, back], shape, dtype="float64")
    forward = Network([there], shape, dtype="float64")
    weights = net.get_weights()
    assert list(weights) == ["conv2d_1/weight"]
    forward.set_weights(weights)
    x, z = RNG.normal(size=(2, 3, *shape))
    assert np.vdot(forward.predict(x), forward.predict(z)) == pytest.approx(np.vdot(net.predict(x), z), rel=1e-12)


def test_a_convolution_may_be_tied_to_a_convolution() -> None:
    there = layers.Conv1D(5, 3)
    net = Network([there, layers.Conv1D(2, 3, tied_to=there)], (9, 2), dtype="float64")
    x = RNG.normal(size=(4, 9, 2))
    V = net.get_weights()["conv1d_1/weight"]
    h = sum(x[:, k : k + 7] @ V[k] for k in range(3))
    np.testing.assert_allclose(net.predict(x), sum(h[:, k : k + 5] @ V[k].T for k in range(3)), rtol=1e-11)


def test_tied_convolutions_train_are_copied_and_saved(tmp_path) -> None:
    net = Network(conv_autoencoder(max_norm=0.5), IMAGES.shape[1:], dtype="float32")
    for optimizer in (optimizers.Nesterov(0.05), optimizers.Adam(0.01, clip_norm=0.5)):
        history = net.fit(IMAGES, _padded(IMAGES), loss="mse", optimizer=optimizer, epochs=4, verbose=0)
        assert history["loss"][-1] < history["loss"][0]
        fresh = Network(net.layers, IMAGES.shape[1:], dtype="float32")
        fresh.set_weights(net.get_weights())
        expected = fresh.predict(IMAGES)
        np.testing.assert_array_equal(net.predict(IMAGES), expected)
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(net)).predict(IMAGES), expected)
    net.save(tmp_path / "net.descend")
    again = Network.load(tmp_path / "net.descend")
    assert again.layers == net.layers and str(again.plan()) == str(net.plan())
    np.testing.assert_array_equal(again.predict(IMAGES), expected)


def _padded(images: np.ndarray) -> np.ndarray:
    """What two halvings and doublings of seven rows make of them: eight."""
    return np.pad(images, ((0, 0), (0, 1), (0, 0), (0, 0)))


def test_summary_counts_tied_kernels_once() -> None:
    net = Network(conv_autoencoder(), IMAGES.shape[1:])
    text = str(net.summary())
    assert text.splitlines()[-4].split()[-1] == "outer's"
    outer, inner = 3 * 3 * 2 * 5, 2 * 2 * 5 * 4
    assert f"{outer + inner + 4 + 5} trained weights ({2 * (outer + inner) + 4 + 5} weights without sharing)" in text
    assert f"convolutions: {outer + inner + 4 + 5} weights," in text
    assert "outer/weight) size=3x3 strides=2x2 tied" in net.plan()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda a: layers.Conv2D(2, 3, tied_to=layers.Dense(3)), "must be a Conv1D, Conv2D or transposed convolution"),
        (lambda a: layers.Conv2D(2, 3, tied_to=a, penalty="l2"), "penalty belongs to the layer that has"),
        (lambda a: layers.Conv2D(2, 3, tied_to=a, drop_connect=0.1), "drop_connect leaves out weights of its own"),
        (lambda a: layers.Conv2D(2, 3, tied_to=layers.Conv2D(4, 3)), "does not come earlier in the network"),
        (lambda a: layers.Conv2D(2, 2, tied_to=a), r"4 channels and 2 filters and a kernel of size 2 x 2.*turns 4 "),
        (lambda a: layers.Conv2D(3, 3, tied_to=a), r"shape \(3, 3, 3, 4\), but a/weight has shape \(3, 3, 2, 4\)"),
        (lambda a: layers.Conv2D(2, 3, tied_to=a, groups=2), "groups must be those of a, .* 1, got 2"),
        (
            lambda a: layers.Conv2D(2, 3, tied_to="b"),
            "must name a Conv2D or Conv2DTranspose .* got 'b', which .*; tie to a$",
        ),
        (lambda a: layers.Dense(2, tied_to="a"), "must name a Dense or Embedding .*, got 'a', a Conv2D; there is none"),
    ],
)
def test_convolutions_that_cannot_be_tied_are_refused(make, message: str) -> None:
    first = layers.Conv2D(4, 3, name="a")
    with pytest.raises((TypeError, ValueError), match=message):
        lower([first, make(first)], (8, 8, 2))


def test_what_treats_channels_by_themselves_cannot_be_tied() -> None:
    with pytest.raises(ValueError, match="needs groups of several filters, got 2 filters in 2 groups"):
        lower([(one := layers.Conv2D(4, 3, groups=2)), layers.Conv2DTranspose(2, 3, groups=2, tied_to=one)], (8, 8, 2))
    with pytest.raises(TypeError, match="got DepthwiseConv2D"):
        layers.Conv2DTranspose(2, 3, tied_to=layers.DepthwiseConv2D(3))
    with pytest.raises(ValueError, match=r"must name a Conv2D or Conv2DTranspose .* got 'a', a Conv1D; there is none"):
        lower([layers.Conv1D(4, 3, name="a"), layers.Reshape((2, 2, -1)), layers.Conv2D(3, 2, tied_to="a")], (6, 2))
    with pytest.raises(ValueError, match=r"Conv1D: tied_to must name a Conv1D .* got 'a', a Conv2D; there"):
        lower([layers.Conv2D(4, 3, name="a"), layers.Reshape((-1, 4)), layers.Conv1D(4, 3, tied_to="a")], (8, 8, 2))


def test_parameters_are_shared_by_ops_of_one_kind() -> None:
    plan = lower([layers.Dense(6), layers.PReLU(), layers.LayerNorm()], 6)
    slope = plan.parameters[2].id
    norm = replace(plan.ops[2], gamma=slope)
    with pytest.raises(PlanError, match="uses parameter prelu_1/slope, which belongs to the PReLU prelu_1"):
        validate(replace(plan, ops=(*plan.ops[:2], norm), parameters=plan.parameters))


def test_files_keep_what_is_shared(tmp_path) -> None:
    block = Block()
    for stack, y in (
        (shared_twice(), Y),
        (autoencoder(), X),
        ([block.expand()[0], layers.Concatenate([[shared_twice()[0]], []]), layers.Dense(2)], Y),
    ):
        net = Network(stack, 6, dtype="float64")
        net.fit(X, y, loss="mse", epochs=2, verbose=0)
        net.save(tmp_path / "net.descend")
        again = Network.load(tmp_path / "net.descend")
        assert again.layers == net.layers
        assert str(again.plan()) == str(net.plan())
        for other in (again, net):
            other.fit(X, y, epochs=2, verbose=0)
        np.testing.assert_array_equal(again.predict(X), net.predict(X))


def test_descriptions_name_objects_by_number() -> None:
    seen = specs.Seen(layers.Layer)
    first, _, again, _ = (specs.to_config(layer, seen) for layer in shared_twice())
    assert first["type"] == "layers.Dense" and first["activation"]["type"] == "layers.ReLU"
    assert again == {"same_as": 1}  # the activation is object 0
    with pytest.raises(ValueError, match="'same_as' must be the number of one of 0 objects, got 1"):
        specs.from_config(again, specs.Seen(layers.Layer))


def test_a_reference_to_nothing_is_refused(tmp_path, monkeypatch) -> None:
    net = Network(shared_twice(), 6)
    real = specs.to_config
    monkeypatch.setattr(specs, "to_config", lambda spec, seen=None: {**real(spec, seen), "same_as": -1})
    net.save(tmp_path / "net.descend")
    monkeypatch.undo()
    with pytest.raises(ModelFileError, match="'same_as' must be the number"):
        Network.load(tmp_path / "net.descend")


def test_copies_keep_what_is_shared() -> None:
    stack = shared_twice()
    for copied in (copy.deepcopy(stack), [copy.copy(one) for one in stack], pickle.loads(pickle.dumps(stack))):
        assert copied == stack
        assert len(lower(copied, 6).parameters) == len(lower(stack, 6).parameters)


def test_estimators_keep_what_is_shared() -> None:
    model = NetworkRegressor(shared_twice()[:3], epochs=3, random_state=0)
    twin = clone(model).set_params(layers__1__units=6, layers__0__use_bias=False)
    assert twin.layers[0] is twin.layers[2]
    assert twin.layers[0].use_bias is False and model.layers[0].use_bias is True
    assert np.isfinite(cross_val_score(twin, X, Y, cv=3)).all()


def test_sparse_rows_and_tied_weights() -> None:
    rows = csr_array(np.where(RNG.random(X.shape) < 0.5, X, 0))
    outer = layers.Dense(5, "tanh")
    stack = [layers.Concatenate([[outer], [outer, layers.ReLU()], [layers.Dense(5)]]), layers.Dense(5, "tanh")]
    stack.append(layers.Dense(6, tied_to=outer))
    dense, sparse = Network(stack, 6, dtype="float64"), Network(stack, 6, dtype="float64")
    dense.fit(rows.toarray(), X, epochs=3, verbose=0)
    sparse.fit(rows, X, epochs=3, verbose=0)
    np.testing.assert_allclose(sparse.predict(rows), dense.predict(rows.toarray()), rtol=1e-9)


@pytest.mark.parametrize(
    "one",
    [
        layers.Conv1D(3, 2, padding="same", activation="tanh"),
        layers.DepthwiseConv1D(2, padding="same"),
        layers.Conv1DTranspose(3, 2, padding="same"),
        layers.SimpleRNN(3, return_sequences=True),
        layers.LSTM(3, return_sequences=True),
        layers.GRU(3, return_sequences=True),
    ],
    ids=lambda layer: layer.kind,
)
def test_convolutions_and_recurrent_layers_stand_in_several_places(one: layers.Layer, tmp_path) -> None:
    """One layer twice has the sum of the gradients of two that start with the same weights."""
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(20, 5, 3)), rng.normal(size=(20, 1))
    other = replace(one)
    twice, apart = (
        Network([one, second, layers.GlobalAveragePool1D(), layers.Dense(1)], (5, 3), seed=2, dtype="float64")
        for second in (one, other)
    )
    weights = twice.get_weights()
    kind = one.kind
    apart.set_weights(weights | {name.replace(f"{kind}_1", f"{kind}_2"): w for name, w in weights.items()})
    found, expected = twice.gradients(X, y, loss="mse"), apart.gradients(X, y, loss="mse")
    assert set(found) == set(weights)
    for name in weights:
        total = expected[name] + expected.get(name.replace(f"{kind}_1", f"{kind}_2"), 0.0) * name.startswith(kind)
        np.testing.assert_allclose(found[name], total, rtol=1e-10, atol=1e-14)
    twice.fit(X, y, epochs=2, verbose=0)
    twice.save(tmp_path / "net.descend")
    again = Network.load(tmp_path / "net.descend")
    assert again.layers[0] is again.layers[1]
    np.testing.assert_array_equal(again.predict(X), twice.predict(X))
