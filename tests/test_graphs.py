"""Networks that are no chains: residual connections and branches, from layers to files."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.sparse import csr_array

from descend import Network, NetworkRegressor, layers, specs
from descend.engine.native import NativeEngine
from descend.engine.protocol import Batch
from descend.plan import Plan, PlanError, Value, attach_loss, lower, ops, validate

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 6))
Y = np.stack([X[:, 0] * X[:, 1], np.abs(X[:, 2])], axis=1)


def names(network: list[layers.Layer], shape: int = 6) -> list[str]:
    return [op.name for op in lower(network, shape).ops]


def test_layers_are_named_in_the_order_of_the_plan() -> None:
    inner = layers.Concatenate([[layers.Dense(4, "relu")], [layers.Residual([layers.Dense(6)])]])
    network = [layers.Dense(6), layers.Residual([inner, layers.Dense(6)], [layers.ReLU()]), layers.Dense(1)]
    assert names(network) == [
        "dense_1", "dense_2", "relu_1", "dense_3", "residual_1", "concatenate_1", "dense_4", "relu_2", "residual_2",
        "dense_5",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="'a' is taken twice"):
        lower([layers.Residual([layers.Dense(6, name="a")]), layers.Dense(1, name="a")], 6)
    named = [layers.Residual([layers.Dense(6, name="a")], name="b"), layers.Dense(1)]
    assert names(named) == ["a", "b", "dense_1"]


@dataclass(frozen=True)
class Bottleneck(layers.Layer):
    """A residual block as a user would write it."""

    units: int = 3
    width: int = 6

    def expand(self) -> tuple[layers.Layer, ...]:
        return layers.Residual([layers.Dense(self.units, "relu"), layers.Dense(self.width)]), layers.ReLU()


def test_composite_layers_hold_and_are_held() -> None:
    network = [Bottleneck(), layers.Concatenate([[Bottleneck()], []]), layers.Residual([Bottleneck(2, 12)])]
    kinds = [type(op) for op in lower(network, 6).ops]
    block = [ops.Dense, ops.Activation, ops.Dense, ops.Add, ops.Activation]
    assert kinds == [*block, *block, ops.Concatenate, *block, ops.Add]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: layers.Residual(layers.Dense(3)), TypeError, "Residual: layers must be a list of layers"),
        (lambda: layers.Residual([]), ValueError, "at least one layer"),
        (lambda: layers.Residual([3]), TypeError, r"layers\[0\] must be a layer"),
        (lambda: layers.Residual([layers.ReLU()], ["relu"]), TypeError, r"shortcut\[0\] must be a layer"),
        (lambda: layers.Concatenate([[layers.ReLU()]]), ValueError, "at least two"),
        (lambda: layers.Concatenate([layers.ReLU(), []]), TypeError, r"branches\[0\] must be a list of layers"),
        (lambda: layers.Concatenate("relu"), TypeError, "branches must be a list"),
        (lambda: lower([layers.Residual([layers.Dense(5)])], 6), ValueError, r"\(6,\) into \(5,\).*\(6,\)"),
        (
            lambda: lower([layers.Residual([layers.Dense(5)], [layers.Dense(4)], name="r")], 6),
            ValueError,
            r"r: its layers turn rows of shape \(6,\) into \(5,\), but its shortcut gives \(4,\)",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_plans_are_checked() -> None:
    values = (Value(0, (3,), "input"), Value(1, (3,), "a"), Value(2, (4,), "b"))
    both = ops.Concatenate("b", (0, 1), 2)
    with pytest.raises(PlanError, match=r"b puts \(3,\) and \(3,\) together and gives \(4,\)"):
        validate(Plan(values, (ops.Activation("a", (0,), 1, "tanh"), both), (), 0, 2))
    with pytest.raises(PlanError, match=r"b adds \(3,\) and \(3,\) and gives \(4,\)"):
        validate(Plan(values, (ops.Activation("a", (0,), 1, "tanh"), ops.Add("b", (0, 1), 2)), (), 0, 2))
    with pytest.raises(PlanError, match="b reads 1 values instead of two"):
        validate(Plan(values, (ops.Activation("a", (0,), 1, "tanh"), ops.Add("b", (0,), 2)), (), 0, 2))


def residual_network() -> Network:
    block = layers.Residual([layers.Dense(9, "relu"), layers.BatchNorm(), layers.Dense(7)], [layers.Dense(7)])
    return Network([block, layers.Concatenate([[], [layers.Dense(3, "tanh")]]), layers.Dense(2)], 6, dtype="float64")


def test_prediction_equals_the_formula() -> None:
    net = residual_network()
    net.fit(X, Y, epochs=2, verbose=0)
    w = net.get_weights()

    def dense(i: int, x: np.ndarray) -> np.ndarray:
        return x @ w[f"dense_{i}/weight"] + w[f"dense_{i}/bias"]

    h = np.maximum(dense(1, X), 0) - w["batch_norm_1/running_mean"]
    h = h / np.sqrt(w["batch_norm_1/running_variance"] + 1e-5) * w["batch_norm_1/gamma"] + w["batch_norm_1/beta"]
    h = dense(2, h) + dense(3, X)
    h = np.hstack([h, np.tanh(dense(4, h))])
    np.testing.assert_allclose(net.predict(X), dense(5, h), rtol=1e-10)
    trace = net.trace(X, Y)
    np.testing.assert_allclose(trace["residual_1"], trace["dense_2"] + trace["dense_3"])
    np.testing.assert_allclose(
        trace["gradient/residual_1"],
        trace["gradient/concatenate_1"][:, :7] + trace["gradient/dense_4"] @ w["dense_4/weight"].T,
    )


def test_files_keep_branches(tmp_path) -> None:
    net = residual_network()
    net.fit(X, Y, epochs=2, verbose=0)
    net.save(tmp_path / "net.descend")
    again = Network.load(tmp_path / "net.descend")
    assert again.layers == net.layers
    np.testing.assert_array_equal(again.predict(X), net.predict(X))
    assert str(again.summary()) == str(net.summary())
    assert "residual_1     Residual     (rows, 7)" in net.summary()
    for other in (again, net):
        other.fit(X, Y, epochs=2, verbose=0)
    np.testing.assert_array_equal(again.predict(X), net.predict(X))


def test_description_is_plain_data() -> None:
    layer = layers.Concatenate([[layers.Residual([layers.Dense(3, "relu")], [layers.Dense(3)])], []])
    assert specs.from_config(specs.to_config(layer)) == layer
    assert hash(layer) == hash(specs.from_config(specs.to_config(layer)))


def test_estimators_reach_into_branches() -> None:
    model = NetworkRegressor(
        [layers.Residual([layers.Dense(8, "relu"), layers.Dense(6)]), layers.Concatenate([[layers.Dense(3)], []])],
        epochs=3,
        random_state=0,
    )
    assert model.get_params()["layers__0__layers__0__units"] == 8
    model.set_params(layers__0__layers__0__units=4, layers__1__branches__0__0__units=5)
    assert model.layers[0].layers[0].units == 4
    assert model.layers[1].branches[0][0].units == 5
    assert model.fit(X, Y).predict(X).shape == (60, 2)


def test_sparse_rows_may_branch_into_dense_layers() -> None:
    stack = [layers.Residual([layers.Dense(5, "relu"), layers.Dense(4)], [layers.Dense(4)]), layers.Dense(2)]
    rows = csr_array(np.where(RNG.random(X.shape) < 0.5, X, 0))
    dense, sparse = Network(stack, 6, dtype="float64"), Network(stack, 6, dtype="float64")
    dense.fit(rows.toarray(), Y, epochs=3, verbose=0)
    sparse.fit(rows, Y, epochs=3, verbose=0)
    np.testing.assert_allclose(sparse.predict(rows), dense.predict(rows.toarray()), rtol=1e-9)
    with pytest.raises(ValueError, match="'residual_1'"):
        Network([layers.Residual([layers.Dense(6)])], 6).predict(rows)


def test_many_readers_add_up() -> None:
    """A value read by five ops, one of them twice, against the gradient of the reference's definition."""
    plan = lower([layers.Dense(4)], 6)
    values = [*plan.values, *(Value(i, (4,), f"v{i}") for i in range(2, 6)), Value(6, (28,), "all")]
    chain = [
        *plan.ops,
        ops.Activation("v2", (1,), 2, "tanh"),
        ops.Activation("v3", (1,), 3, "relu"),
        ops.Add("v4", (1, 2, 1, 3), 4),
        ops.Softmax("v5", (1,), 5),
        ops.Concatenate("all", (4, 1, 2, 3, 1, 5, 4), 6),
    ]
    whole = attach_loss(Plan(tuple(values), tuple(chain), plan.parameters, 0, 6), "mse")
    from descend.engine.reference import ReferenceEngine

    flat = RNG.normal(size=whole.size)
    batch = Batch(X, RNG.normal(size=(60, 28)))
    native, reference = NativeEngine(whole, "float64"), ReferenceEngine(whole)
    for engine in (native, reference):
        engine.set_parameters(flat)
    np.testing.assert_allclose(native.predict(X), reference.predict(X), rtol=1e-10)
    np.testing.assert_allclose(native.gradients(batch)[1], reference.gradients(batch)[1], rtol=1e-9)
    assert native.gradients(batch, threads=3)[1].tobytes() == native.gradients(batch, threads=1)[1].tobytes()


def test_a_frozen_sum_freezes_what_is_inside() -> None:
    inner = [layers.Dense(6, "relu"), layers.Concatenate([[Bottleneck()], [layers.Dense(2)]]), layers.Dense(6)]
    net = Network([layers.Residual(inner, trainable=False), layers.Dense(2)], 6)
    before = net.get_weights()
    net.fit(X, Y, epochs=2, verbose=0)
    moved = {name for name, now in net.get_weights().items() if not np.array_equal(now, before[name])}
    assert moved == {"dense_6/weight", "dense_6/bias"}
