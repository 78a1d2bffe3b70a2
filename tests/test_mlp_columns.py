"""Frames with categories and missing values: which columns are what, how they are encoded, and what is refused."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils.validation import _get_feature_names

from descend import MLPClassifier, MLPRegressor, NetworkClassifier, NetworkRegressor, layers, optimizers
from estimator_checks import checks_of

pandas = pytest.importorskip("pandas")

ROWS = 240
RNG = np.random.RandomState(0)
COLOUR = RNG.choice(["red", "green", "blue"], ROWS).astype(object)
FLAG = RNG.rand(ROWS) < 0.5
SIZE = RNG.normal(size=ROWS)
COUNT = RNG.randint(0, 9, ROWS)
Y = ((COLOUR == "red") ^ FLAG).astype(int)
COLOUR[::17], SIZE[::13] = None, np.nan
CELLS = {"colour": COLOUR.tolist(), "size": SIZE, "flag": FLAG, "count": COUNT}
INPUTS = [
    *("size", "count", "size (missing)"),
    *("colour = blue", "colour = green", "colour = red", "colour = (missing)"),
    *("flag = False", "flag = True"),
]
SMALL: dict[str, Any] = {"hidden_layer_sizes": (8,), "max_iter": 60, "learning_rate_init": 0.02, "random_state": 0}


def _frames() -> dict[str, Any]:
    plain = pandas.DataFrame(CELLS)
    table = polars.DataFrame({**CELLS, "size": polars.Series(SIZE).fill_nan(None)})
    colours = polars.Enum(["blue", "green", "red", "white"])
    return {
        "text": plain,
        "objects": plain.astype({"colour": object, "flag": object, "count": object}),
        "categories": plain.astype({"colour": "category", "flag": "category"}),
        "nullable": plain.astype({"colour": "string", "flag": "boolean", "count": "Int64", "size": "Float64"}),
        "polars text": table,
        "polars categories": table.with_columns(polars.col("colour").cast(polars.Categorical)),
        "polars enumeration": table.with_columns(
            polars.col("colour").cast(colours), polars.col("count").cast(polars.UInt8)
        ),
    }


FRAMES = _frames()


@pytest.fixture(autouse=True)
def _short_runs_do_not_converge() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def _fitted(X: Any, **settings: Any) -> MLPClassifier:
    return MLPClassifier(**{**SMALL, "categorical_features": "from_dtype", **settings}).fit(X, Y)


@checks_of(
    [
        MLPClassifier(max_iter=60, learning_rate_init=0.01, categorical_features="from_dtype"),
        MLPRegressor(max_iter=60, learning_rate_init=0.01, categorical_features="from_dtype"),
        NetworkClassifier(
            [layers.Dense(12, activation="relu")], optimizer=optimizers.Adam(0.01), categorical_features="from_dtype"
        ),
    ]
)
def test_follows_the_contract(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize("kind", FRAMES)
def test_every_dtype_of_a_column_means_the_same(kind: str) -> None:
    model, expected = _fitted(FRAMES[kind]), _fitted(FRAMES["text"])
    assert model.encoded_features_ == INPUTS
    assert model.n_features_in_ == 4
    if _get_feature_names(FRAMES[kind]) is not None:  # what the installed scikit-learn sees of it
        assert model.feature_names_in_.tolist() == list(CELLS)
    assert model.coefs_[0].shape == (9, 8) and model.score(FRAMES[kind], Y) > 0.95
    np.testing.assert_array_equal(model.predict_proba(FRAMES[kind]), expected.predict_proba(FRAMES["text"]))


def test_inputs_are_what_is_promised() -> None:
    model = _fitted(FRAMES["text"])
    inputs = model._columns.encode(FRAMES["text"])
    known = ~np.isnan(SIZE)
    np.testing.assert_array_equal(inputs[:, 0], np.where(known, SIZE, np.median(SIZE[known])))
    np.testing.assert_array_equal(inputs[:, 1], COUNT)
    np.testing.assert_array_equal(inputs[:, 2], ~known)
    np.testing.assert_array_equal(inputs[:, 5], COLOUR == "red")
    np.testing.assert_array_equal(inputs[:, 6], [one is None for one in COLOUR])
    np.testing.assert_array_equal(inputs[:, 8], FLAG)
    for kind in (MLPRegressor(**SMALL), NetworkRegressor(random_state=0, epochs=5)):
        plain = clone(kind).fit(inputs, COUNT)
        same = clone(kind).set_params(categorical_features="from_dtype").fit(FRAMES["text"], COUNT)
        np.testing.assert_array_equal(same.predict(FRAMES["text"]), plain.predict(inputs))


def test_columns_may_be_named_counted_or_masked() -> None:
    frame = FRAMES["objects"].drop(columns="flag")
    by_name = _fitted(frame, categorical_features=["colour", "count"])
    assert len(by_name.encoded_features_) == 2 + 4 + 9
    for chosen in ([0, 2], [True, False, True], np.array([2, 0])):
        np.testing.assert_array_equal(_fitted(frame, categorical_features=chosen).coefs_[0], by_name.coefs_[0])
    array = np.column_stack([Y, COUNT, SIZE]).astype(float)
    array[::7, 1] = np.nan
    model = _fitted(array, categorical_features=[1])
    assert model.encoded_features_[:2] == ["x0", "x2"] and model.encoded_features_[-1] == "x1 = (missing)"
    mixed = np.array([["a", 1.0], ["b", None], [None, 3.0]], dtype=object).repeat(80, axis=0)
    assert _fitted(mixed, categorical_features=[0]).encoded_features_ == [
        *("x1", "x1 (missing)", "x0 = a", "x0 = b", "x0 = (missing)")
    ]


def test_unseen_levels_count_as_missing() -> None:
    model = _fitted(FRAMES["text"])
    odd, missing = FRAMES["text"].head(5).copy(), FRAMES["text"].head(5).copy()
    odd["colour"], missing["colour"] = "mauve", None
    np.testing.assert_array_equal(model.predict_proba(odd), model.predict_proba(missing))
    whole = FRAMES["text"].assign(colour=np.where(FRAMES["text"]["colour"].isna(), "red", FRAMES["text"]["colour"]))
    model = _fitted(whole)
    assert "colour = (missing)" not in model.encoded_features_
    for rows in (odd, missing):
        assert (model._columns.encode(rows)[:, 3:6] == 0).all()
    trees = HistGradientBoostingClassifier(max_iter=5).fit(FRAMES["categories"], Y)  # the same rule, as documented
    kinds = FRAMES["categories"].dtypes
    np.testing.assert_array_equal(
        trees.predict_proba(odd.astype({"colour": "category", "flag": kinds["flag"]})),
        trees.predict_proba(missing.astype(kinds)),
    )


def test_numbers_missing_at_prediction_only_are_the_median() -> None:
    model = _fitted(FRAMES["text"])
    rows = FRAMES["text"].head(6).copy()
    rows["count"] = np.nan
    middle = rows.assign(count=np.median(COUNT))
    np.testing.assert_array_equal(model.predict_proba(rows), model.predict_proba(middle))


def test_the_rarest_of_many_levels_share_an_input() -> None:
    level = np.array([f"v{i:03d}" for i in range(150)])
    frame = pandas.DataFrame({"many": np.concatenate([level, level[:99], [None]])})
    model = MLPClassifier(max_iter=1, categorical_features="from_dtype").fit(frame, np.arange(250) % 2)
    names = model.encoded_features_
    assert len(names) == 101 and names[:99] == [f"many = {one}" for one in level[:99]]
    assert names[99:] == ["many = (other)", "many = (missing)"]
    inputs = model._columns.encode(frame)
    assert inputs[:150, :99].trace() == 99 and (inputs[99:150, 99] == 1).all() and inputs[249, 100] == 1
    assert (inputs.sum(axis=1) == 1).all()


def test_without_categories_and_gaps_nothing_changes() -> None:
    frame = FRAMES["text"][["count"]].assign(size=np.nan_to_num(SIZE)).astype("float32")
    plain = MLPClassifier(**SMALL).fit(frame, Y)
    model = _fitted(frame)
    assert model.coefs_[0].dtype == np.float32
    np.testing.assert_array_equal(model.predict_proba(frame), plain.predict_proba(frame))
    np.testing.assert_array_equal(model.to_sklearn().predict(frame), plain.predict(frame))


def test_by_default_they_are_refused_as_ever() -> None:
    with pytest.raises(ValueError, match="NaN"):
        MLPClassifier().fit(FRAMES["text"][["size"]], Y)
    with pytest.raises(ValueError, match="could not convert string to float"):
        MLPClassifier().fit(FRAMES["text"][["count", "colour"]].dropna(), Y[:225])
    assert not hasattr(MLPClassifier(**SMALL).fit(FRAMES["text"][["count"]], Y), "encoded_features_")
    model = _fitted(FRAMES["text"]).set_params(categorical_features=None).fit(FRAMES["text"][["count"]], Y)
    assert model.n_features_in_ == 1 and not hasattr(model, "encoded_features_")


def test_validation_rows_streams_and_other_solvers() -> None:
    frame = FRAMES["text"]
    held = _fitted(frame, early_stopping=True, n_iter_no_change=50, max_iter=150)
    assert held.best_validation_score_ > 0.9 and held.score(frame, Y) > 0.9
    scored = _fitted(frame, early_stopping=True, scoring="f1", max_iter=30)
    assert max(scored.validation_scores_) > 0.6
    given = MLPClassifier(**SMALL, categorical_features="from_dtype", scoring="accuracy").fit(
        frame, Y, X_val=frame, y_val=Y
    )
    assert given.best_validation_score_ == pytest.approx(given.score(frame, Y))
    assert _fitted(frame, solver="lbfgs", max_iter=300, alpha=1e-5).score(frame, Y) > 0.95
    stream = MLPClassifier(**SMALL, categorical_features="from_dtype")
    for _ in range(40):
        for part in (slice(0, 120), slice(120, None)):
            stream.partial_fit(frame[part], Y[part], classes=[0, 1])
    assert stream.score(frame, Y) > 0.9
    deep = NetworkClassifier([layers.Dense(8, activation="relu")], categorical_features="from_dtype", epochs=3)
    inputs = deep.fit(frame, Y)._columns.encode(frame)
    np.testing.assert_array_equal(deep.network_.predict(inputs)[:, 0], deep.predict_proba(frame)[:, 1])


def test_copies_files_and_searches() -> None:
    frame = FRAMES["polars text"]
    model = _fitted(frame)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(frame), model.predict_proba(frame))
    assert clone(model).categorical_features == "from_dtype" and not hasattr(clone(model), "encoded_features_")
    search = GridSearchCV(clone(model), {"categorical_features": ["from_dtype", ["colour", "flag", "count"]]}, cv=3)
    assert search.fit(FRAMES["text"], Y).best_score_ > 0.9
    assert cross_val_score(clone(model), frame, Y, cv=3).mean() > 0.8


def test_columns_are_watched_at_prediction() -> None:
    model, frame = _fitted(FRAMES["text"]), FRAMES["text"]
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame.rename(columns={"size": "weight"}))
    with pytest.raises(ValueError, match="must be in the same order"):
        model.predict(frame[["size", "colour", "flag", "count"]])
    with pytest.raises(ValueError, match=r"X has 3 features|feature names should match"):
        model.predict(frame.drop(columns="size"))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        array = model.predict(frame.to_numpy(dtype=object))
    np.testing.assert_array_equal(array, model.predict(frame))
    with pytest.raises(ValueError, match=r"column 'size' .*no numbers"):
        model.predict(frame.assign(size="big"))


@pytest.mark.parametrize(
    ("chosen", "match"),
    [
        (["hue"], "categorical_features names 'hue', which is no column"),
        ([4], r"as indices, must be in \[0, 3\]"),
        ([-1], "as indices"),
        ([True, False], "as a mask, must have one entry for each of X's 4 columns"),
        ([0.5], "must hold names, indices or a mask"),
        ("colour", "'categorical_features' parameter"),
        (["flag"], r"column 'colour' of X holds \w+, which are no numbers; name it in categorical_features"),
    ],
)
def test_bad_choices_are_named(chosen: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        _fitted(FRAMES["text"], categorical_features=chosen)


def test_bad_columns_are_named() -> None:
    days = pandas.to_datetime(["2020-01-01"] * ROWS)
    with pytest.raises(ValueError, match=r"column 'day' of X holds datetime64.*make a number of it"):
        _fitted(FRAMES["text"].assign(day=days))
    with pytest.raises(ValueError, match=r"column 'day' of X holds Datetime.*make a number of it"):
        _fitted(FRAMES["polars text"].with_columns(day=polars.Series(days.to_list())))
    mixed = FRAMES["objects"].assign(colour=["red" if one else 1 for one in FLAG])
    with pytest.raises(ValueError, match=r"'colour' of X holds values of several kinds \(int, str\)"):
        _fitted(mixed, categorical_features=["colour", "flag"])
    with pytest.raises(ValueError, match="infinity"):
        _fitted(FRAMES["text"].assign(size=np.inf))
    with pytest.raises(ValueError, match="categorical_features holds names, but X is no frame"):
        _fitted(np.ones((ROWS, 2)), categorical_features=["a"])
    with pytest.raises(TypeError, match="Sparse data was passed"):
        _fitted(sparse.csr_matrix(np.ones((ROWS, 2))))
    with pytest.raises(ValueError, match="take numbers only, and this one was fitted with categorical_features"):
        _fitted(FRAMES["text"]).to_sklearn()
