"""Layers that adapt to data: what they compute, when they adapt, and that they live inside the model."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.preprocessing import QuantileTransformer, RobustScaler, StandardScaler
from sklearn.tree import DecisionTreeRegressor

from descend import Network, layers
from descend.engine.native import NativeEngine
from descend.engine.reference import ReferenceEngine
from descend.engine.reference.adapting import adapt
from descend.engine.reference.trees import split_points
from descend.plan import initial_parameters, lower, named

RNG = np.random.default_rng(5)
X = RNG.normal(size=(120, 4)) * [1.0, 50.0, 0.01, 1.0] + [0.0, 1000.0, 5.0, 0.0]
X[:, 3] = RNG.integers(0, 4, 120)
Y = np.sin(X[:, 0]) + (X[:, 3] == 2) + X[:, 1] / 100


def holes() -> np.ndarray:
    found = X.copy()
    found[::5, 1] = np.nan
    return found


def applied(layer: layers.Layer, rows: np.ndarray, new: np.ndarray | None = None, y: np.ndarray | None = None):
    """What an adapted layer makes of `new` rows, by both engines, and its parameters."""
    plan = lower([layer], rows.shape[1])
    flat = adapt(plan, initial_parameters(plan, 0), rows, y)
    outputs = []
    for engine in (ReferenceEngine(plan), NativeEngine(plan, "float64")):
        engine.set_parameters(flat)
        outputs.append(engine.predict(rows if new is None else new))
    np.testing.assert_allclose(outputs[1], outputs[0], rtol=1e-12, atol=1e-12)
    return outputs[0], {name.split("/")[1]: array for name, array in named(plan, flat).items()}


def network(*first: layers.Layer, **options) -> Network:
    return Network([*first, layers.Dense(8, "relu"), layers.Dense(1)], **options)


# --- what they compute ------------------------------------------------------------------------------------------


def test_standardize_is_scikit_learns() -> None:
    rows = np.column_stack([X, np.full(120, 0.1)])  # a constant column becomes 0
    found, weights = applied(layers.Standardize(), rows)
    np.testing.assert_allclose(found, StandardScaler().fit_transform(rows), atol=1e-10)
    assert weights["deviation"][4] == 1 and not found[:, 4].any()
    some, _ = applied(layers.Standardize(columns=(-1, 0)), X)
    np.testing.assert_array_equal(some[:, 1:3], X[:, 1:3])
    np.testing.assert_allclose(some[:, [0, 3]], found[:, [0, 3]])


def test_robust_scale_is_scikit_learns_and_clips_smoothly() -> None:
    plain, _ = applied(layers.RobustScale(None), X)
    np.testing.assert_allclose(plain, RobustScaler().fit_transform(X), atol=1e-10)
    clipped, _ = applied(layers.RobustScale(2.0), X, np.vstack([X, np.full((1, 4), 1e200), np.full((1, 4), -1e30)]))
    np.testing.assert_allclose(clipped[:-2], plain / np.sqrt(1 + (plain / 2) ** 2))
    np.testing.assert_allclose(clipped[-2:], [[2.0] * 4, [-2.0] * 4])


def test_robust_scale_without_quartiles() -> None:
    rare = np.zeros((50, 2))
    rare[:3, 0], rare[:, 1] = [4.0, -2.0, 1.0], 7.0
    found, weights = applied(layers.RobustScale(None), rare)
    np.testing.assert_array_equal(weights["spread"], [3.0, 1.0])  # half the range; 1 for a constant
    np.testing.assert_allclose(found[:3, 0], [4 / 3, -2 / 3, 1 / 3])
    assert not found[:, 1].any()


@pytest.mark.parametrize("output", ["uniform", "normal"])
def test_quantile_transform_is_nearly_scikit_learns(output: str) -> None:
    rows = RNG.exponential(size=(2000, 1))
    new = np.quantile(rows, np.linspace(0.02, 0.98, 40))[:, None]
    found, _ = applied(layers.QuantileTransform(500, output=output), rows, new)  # type: ignore[arg-type]
    theirs = QuantileTransformer(n_quantiles=500, output_distribution=output).fit(rows).transform(new)  # type: ignore[arg-type]
    np.testing.assert_allclose(found, theirs, atol=5e-3)
    ends, _ = applied(layers.QuantileTransform(500, output=output), rows, np.array([[-1.0], [1e9]]))  # type: ignore[arg-type]
    np.testing.assert_allclose(ends[:, 0], [0.0, 1.0] if output == "uniform" else [-3.4808, 3.4808], atol=1e-3)


def test_quantile_transform_of_repeated_values() -> None:
    rows = np.array([[0.0]] * 6 + [[1.0], [2.0], [3.0], [4.0], [5.0]])  # quantiles 0, 0.1, ..., 1: six of them are 0
    found, weights = applied(layers.QuantileTransform(11), rows, np.array([[-1.0], [0.0], [0.5], [1.0], [5.0], [9.0]]))
    np.testing.assert_allclose(found[:, 0], [0.25, 0.25, (0.25 + 0.6) / 2, 0.6, 1.0, 1.0])
    assert (np.diff(weights["quantiles"][:, 0]) >= 0).all()
    constant, _ = applied(layers.QuantileTransform(11), np.full((9, 1), 3.0), np.array([[2.0], [3.0], [4.0]]))
    np.testing.assert_allclose(constant[:, 0], 0.5)


def test_impute() -> None:
    rows = holes()
    for strategy, expected in (
        ("mean", np.nanmean(rows[:, 1])),
        ("median", np.nanmedian(rows[:, 1])),
        ("constant", -7),
    ):
        layer = layers.Impute(strategy, value=-7, indicator=True, columns=(1, 2))  # type: ignore[arg-type]
        found, _ = applied(layer, rows)
        missing = np.isnan(rows[:, 1])
        np.testing.assert_allclose(found[:, :4], np.where(np.isnan(rows), expected, rows))
        np.testing.assert_array_equal(found[:, 4], missing)
        assert not found[:, 5].any() and found.shape == (120, 6)
    with pytest.raises(ValueError, match=r"'impute_1' cannot fill column 2.*Impute\('constant'\)"):
        network(layers.Impute()).fit(np.where(np.arange(4) == 2, np.nan, X), Y, verbose=0)


def test_one_hot_stands_in_place_and_ignores_unknown_levels() -> None:
    rows = np.array([[1.0, 7.0, 30.0], [2.0, 5.0, 10.0], [3.0, 5.0, 20.0]])
    new = np.array([[1.5, 5.0, 20.0], [2.5, 6.0, 10.0]])
    found, weights = applied(layers.OneHot((2, 4), columns=(1, 2)), rows, new)
    np.testing.assert_array_equal(found, [[1.5, 1, 0, 0, 1, 0, 0], [2.5, 0, 0, 1, 0, 0, 0]])
    np.testing.assert_array_equal(weights["levels"], [5, 7, 10, 20, 30, 30])
    with pytest.raises(ValueError, match=r"room for 2 levels of column 2, which has 3.*levels="):
        applied(layers.OneHot(2, columns=(1, 2)), rows)


def test_one_hot_counts_its_levels(tmp_path) -> None:
    net = Network([layers.Impute(columns=1), layers.OneHot(columns=(0, 1)), layers.Dense(1)], input_shape=3)
    for use in (net.predict, net.trace):
        with pytest.raises(ValueError, match=r"call fit, or adapt\(X\)"):
            use(np.zeros((1, 3)))
    rows = np.array([[1.0, 7.0, 0.5], [2.0, 5.0, 0.1], [4.0, np.nan, 0.2], [4.0, 6.0, 0.3]])
    net.adapt(rows)
    assert net.layers[1] == layers.OneHot((3, 3), columns=(0, 1))
    assert net.get_weights()["one_hot_1/levels"].tolist() == [1, 2, 4, 5, 6, 7]
    net.save(tmp_path / "levels.descend")
    loaded = Network.load(tmp_path / "levels.descend")
    np.testing.assert_array_equal(loaded.predict(rows), net.predict(rows))


def test_periodic_embedding() -> None:
    found, weights = applied(layers.PeriodicEmbedding(3, sigma=2.0, columns=(0, 2)), X)
    f = weights["frequency"].reshape(2, 3)
    assert found.shape == (120, 14)
    np.testing.assert_allclose(found[:, 0:3], np.sin(2 * np.pi * X[:, [0]] * f[0]))
    np.testing.assert_allclose(found[:, 3:6], np.cos(2 * np.pi * X[:, [0]] * f[0]))
    np.testing.assert_array_equal(found[:, 6], X[:, 1])
    np.testing.assert_allclose(found[:, 10:13], np.cos(2 * np.pi * X[:, [2]] * f[1]))


def test_waves_are_accurate_over_many_turns() -> None:
    plan = lower([layers.PeriodicEmbedding(1)], 1)
    turns = np.concatenate([np.linspace(-3, 3, 4001), RNG.uniform(-1e5, 1e5, 4000)])
    for dtype, tolerance in (("float64", 1e-15), ("float32", 2e-7)):
        engine = NativeEngine(plan, dtype)
        engine.set_parameters(np.ones(1))
        t = turns.astype(dtype)
        phase = 2 * np.pi * (t.astype(np.float64) - np.round(t.astype(np.float64)))
        found = engine.predict(t[:, None])
        np.testing.assert_allclose(found, np.column_stack([np.sin(phase), np.cos(phase)]), atol=tolerance)
        assert np.abs(engine.predict(np.array([[1e30]], dtype))).max() <= 1


def test_piecewise_linear_embedding() -> None:
    rows = np.linspace(0.0, 8.0, 81)[:, None]
    new = np.array([[-1.0], [1.0], [5.0], [9.0]])
    found, _ = applied(layers.PiecewiseLinearEmbedding(4), rows, new)  # edges 0, 2, 4, 6, 8
    np.testing.assert_allclose(found, [[-0.5, 0, 0, 0], [0.5, 0, 0, 0], [1, 1, 0.5, 0], [1, 1, 1, 1.5]], atol=1e-12)
    binary, _ = applied(
        layers.PiecewiseLinearEmbedding(3), np.array([[0.0], [1.0]] * 5), np.array([[0.0], [0.75], [2.0]])
    )
    np.testing.assert_allclose(binary, [[0, 0, 0], [1, 0, 0.5], [1, 0, 3]])  # a bin cut in two, and one left over
    constant, _ = applied(layers.PiecewiseLinearEmbedding(3), np.ones((5, 1)), new)
    assert not constant.any()


def test_splits_are_those_of_a_tree() -> None:
    x, y = RNG.uniform(size=200), RNG.normal(size=(200, 2))
    y[:, 0] += 5 * (x > 0.3) - 9 * (x > 0.8)
    tree = DecisionTreeRegressor(max_leaf_nodes=6, min_samples_leaf=3).fit(x[:, None], y)
    theirs = np.sort(tree.tree_.threshold[tree.tree_.feature == 0])
    np.testing.assert_allclose(split_points(x, y, 6), [x.min(), *theirs, x.max()])
    labels = (x > 0.5).astype(int)
    _, weights = applied(layers.PiecewiseLinearEmbedding(5, split="tree"), x[:, None], y=labels)
    used = weights["width"] > 0
    assert used.sum() == 2 and np.isclose(weights["start"][-1], 0.5, atol=0.02)


# --- when they adapt --------------------------------------------------------------------------------------------


def test_the_first_fit_adapts_to_its_training_rows_and_later_ones_do_not() -> None:
    net = network(layers.Standardize())
    net.fit(X, Y, epochs=1, validation_data=(X + 100, Y), verbose=0)
    weights = net.get_weights()
    np.testing.assert_allclose(weights["standardize_1/mean"], X.mean(axis=0), rtol=1e-5, atol=1e-6)
    net.fit(X + 3, Y, epochs=1, verbose=0)
    np.testing.assert_array_equal(net.get_weights()["standardize_1/mean"], weights["standardize_1/mean"])
    dense = net.get_weights()["dense_1/weight"]
    net.adapt(X + 3)
    np.testing.assert_allclose(net.get_weights()["standardize_1/mean"], X.mean(axis=0) + 3, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(net.get_weights()["dense_1/weight"], dense)


def test_rows_set_aside_do_not_count() -> None:
    net = network(layers.Standardize(), dtype="float64")
    net.fit(X, Y, epochs=1, validation_split=0.5, verbose=0)
    mean = net.get_weights()["standardize_1/mean"]
    assert (np.abs(mean - X.mean(axis=0)) > 1e-9).all()


def test_statistics_of_adapt_set_weights_and_files_stay(tmp_path) -> None:
    adapted, given = network(layers.Standardize(), seed=1), network(layers.Standardize(), seed=1, input_shape=4)
    adapted.adapt(X + 3)
    given.set_weights(adapted.get_weights())
    adapted.save(tmp_path / "adapted.descend")
    for net in (adapted, given, Network.load(tmp_path / "adapted.descend"), pickle.loads(pickle.dumps(adapted))):
        net.fit(X, Y, epochs=1, verbose=0)
        np.testing.assert_allclose(net.get_weights()["standardize_1/mean"], X.mean(axis=0) + 3, rtol=1e-5)


def test_nothing_works_before_data_were_seen(tmp_path) -> None:
    net = network(layers.Standardize(name="scale"), input_shape=4)
    for use in (
        lambda n: n.predict(X),
        lambda n: n.predict(X.astype(np.float32)),
        lambda n: n.evaluate(X, Y),
        lambda n: n.gradients(X, Y),
        lambda n: n.trace(X),
        lambda n: n.trace(X, Y),
    ):
        with pytest.raises(ValueError, match=r"'scale' \(Standardize\) has not seen data .* fit, or adapt\(X\)"):
            use(net)
    net.save(tmp_path / "fresh.descend")
    with pytest.raises(ValueError, match="has not seen data"):
        Network.load(tmp_path / "fresh.descend").predict(X)
    with pytest.raises(ValueError, match=r"no layer that takes statistics.*Standardize\(\)"):
        network().adapt(X)


def test_they_are_as_good_as_preprocessing_outside() -> None:
    inside = network(layers.Standardize(), dtype="float64")
    outside = network(dtype="float64")
    scaled = StandardScaler().fit_transform(X)
    first = inside.fit(X, Y, epochs=5, verbose=0)
    second = outside.fit(scaled, Y, epochs=5, verbose=0)
    assert first.loss[0] != second.loss[0]  # parameters are drawn by their number, so the starts differ
    inside, outside = (network(*more, dtype="float64", input_shape=4) for more in ((layers.Standardize(),), ()))
    inside.adapt(X)
    inside.set_weights(inside.get_weights() | outside.get_weights())
    assert inside.fit(X, Y, epochs=5, verbose=0).loss == pytest.approx(outside.fit(scaled, Y, epochs=5, verbose=0).loss)


# --- what is refused --------------------------------------------------------------------------------------------


def test_missing_numbers_only_where_a_first_layer_fills_them() -> None:
    rows = holes()
    net = network(layers.Impute(columns=1))
    net.fit(rows, Y, epochs=1, validation_data=(rows, Y), verbose=0)
    assert np.isfinite(net.predict(rows)).all() and np.isfinite(net.evaluate(rows, Y)["loss"])
    assert np.isfinite(net.trace(rows, Y)["loss"]) and np.isfinite(net.gradients(rows, Y)["dense_1/weight"]).all()
    elsewhere = X.copy()
    elsewhere[3, 2] = np.nan
    for bad in (elsewhere, np.where(np.arange(4) == 1, np.inf, X)):
        with pytest.raises(ValueError, match=r"X must hold finite numbers, got (nan|inf) at X\["):
            net.predict(bad)
    for layer in (layers.Standardize(), layers.OneHot(9, columns=3), layers.PeriodicEmbedding()):
        with pytest.raises(ValueError, match=r"got nan.*layers\.Impute\(\) as the first layer"):
            network(layer, layers.Impute()).fit(rows, Y, verbose=0)


def test_statistics_of_what_training_changes_are_refused() -> None:
    frozen = [layers.Dense(5, "tanh", trainable=False), layers.Standardize(), layers.Dense(1)]
    Network(frozen).fit(X, Y, epochs=1, verbose=0)  # a random projection stays what it is
    for first in (layers.Dense(5), layers.PeriodicEmbedding(), layers.BatchNorm(), layers.PReLU()):
        with pytest.raises(
            ValueError, match=r"'standardize_1'.*depends on '.*_1/.*before the first layer that is trained"
        ):
            Network([first, layers.Standardize(), layers.Dense(1)], input_shape=4)


def test_filling_what_training_changes_is_refused_too() -> None:
    """It has no statistics, but no engine passes a gradient through it."""
    with pytest.raises(ValueError, match=r"'impute_1' prepares data before training.*depends on 'dense_1/weight'"):
        Network([layers.Dense(5), layers.Impute("constant"), layers.Dense(1)], input_shape=4)


def test_sparse_rows_are_refused_with_a_remedy() -> None:
    for layer in (layers.Standardize(), layers.OneHot(), layers.PeriodicEmbedding()):
        with pytest.raises(ValueError, match=r"X is sparse.*X\.toarray\(\)"):
            network(layer).fit(csr_array(X), Y, verbose=0)


def test_a_tree_needs_a_target() -> None:
    net = network(layers.PiecewiseLinearEmbedding(split="tree"))
    with pytest.raises(
        ValueError, match=r"'piecewise_linear_embedding_1' splits columns by the target; pass y to adapt"
    ):
        net.adapt(X)
    net.adapt(X, Y)
    assert net.predict(X).shape == (120, 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Standardize(columns=(0, "a")), "columns must hold integers"),  # type: ignore[arg-type]
        (lambda: layers.Standardize(columns="ab"), "column numbers"),  # type: ignore[arg-type]
        (lambda: layers.Standardize(columns=()), "must not be empty"),
        (lambda: lower([layers.Standardize(columns=4)], 4), "columns holds 4, but its input has 4 columns, 0 to 3"),
        (lambda: lower([layers.Standardize(columns=(0, -4))], 4), "holds column 0 twice"),
        (lambda: lower([layers.OneHot((2, 3))], 4), "levels holds 2 numbers for 4 columns"),
        (lambda: lower([layers.OneHot()], 4), "number of levels is not known yet"),
        (lambda: layers.OneHot(0), "levels must be an integer from 1"),
        (lambda: layers.RobustScale(0.0), "limit must be a finite number > 0"),
        (lambda: layers.QuantileTransform(1), "quantiles must be an integer from 2"),
        (lambda: layers.QuantileTransform(output="normals"), "output must be 'uniform' or 'normal'"),  # type: ignore[arg-type]
        (lambda: layers.Impute("mode"), "strategy must be 'mean', 'median' or 'constant'"),  # type: ignore[arg-type]
        (lambda: layers.PeriodicEmbedding(sigma=0), "sigma must be a finite number > 0"),
        (lambda: layers.PiecewiseLinearEmbedding(split="best"), "split must be 'quantiles' or 'tree'"),  # type: ignore[arg-type]
    ],
)
def test_wrong_arguments_are_refused(make, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        make()
