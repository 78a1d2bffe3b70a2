"""Inferring the task, and targets as numbers and back; cutting rows into parts."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from descend.data.errors import DataError
from descend.data.splitting import quantile_groups, split_rows
from descend.data.targets import ClassTarget, NumberTarget, infer_task


def series(cells: list) -> pl.Series:
    return pl.Series("t", cells, strict=False)


@pytest.mark.parametrize(
    ("cells", "kind", "words"),
    [
        (["yes", "no"] * 10, "binary", "text with two different values"),
        (["a", "b", "c", None] * 10, "multiclass", "3 different values"),
        ([True, False] * 10, "binary", "'t' is true or false"),
        (["true", "false", None] * 10, "binary", "'t' is true or false"),
        (["True", "False "] * 10, "binary", "'t' is true or false"),
        ([0, 1] * 10, "binary", "2 different whole numbers in 20 rows"),
        (["1.0", "2.0", "3.0"] * 10, "multiclass", "3 different whole numbers"),
        ([0.5, 1.25, 2.0, float("nan")] * 10, "regression", "decimals"),
        (list(range(30)), "regression", "30 different numbers in 30 rows"),
        ([0.1, 0.2] * 10, "binary", "2 different"),
    ],
)
def test_inferred(cells, kind, words):
    task = infer_task(series(cells))
    assert task.kind == kind
    assert words in task.reason


def test_asked():
    assert infer_task(series([1, 2, 3] * 5), "regression").kind == "regression"
    assert infer_task(series([1, 2, 3] * 5), "classification").kind == "multiclass"
    assert infer_task(series([0.5, 1.5] * 5), "classification").kind == "binary"


@pytest.mark.parametrize(
    ("cells", "asked", "words"),
    [
        ([None, None], None, "no value in any row"),
        ([], None, "no value in any row"),
        (["a"] * 5, None, "holds only 'a'"),
        ([3.0] * 5, "regression", "holds only '3.0'"),
        (["true", "false"] * 5, "regression", "'t' is true or false, and a regression needs numbers"),
        ([True, False] * 5, "regression", "'t' is true or false, and a regression needs numbers"),
        (["a", "b"] * 5, "regression", "holds text such as 'a', and a regression needs numbers"),
        ([f"name {i}" for i in range(100)], None, "100 different values in 100 rows, too many to be classes"),
        (list(range(3000)), "classification", "too many to be classes; use --task regression"),
        (["a", "b"] * 5, "multiclass", "so the task is 'binary'"),
        (["a", "b"] * 5, "sorting", "no task 'sorting'"),
        (["1", "2", "3", "many"] * 5, None, r"mixes numbers with text \(5 of 20"),
        ([1.5, 2.5, float("inf")] * 5, None, "infinite"),
        (["1", "x", "3", "4"] * 5, "regression", "row 2 holds 'x'"),
    ],
)
def test_refused(cells, asked, words):
    with pytest.raises(DataError, match=words):
        infer_task(series(cells), asked)


def test_classes_are_sorted_as_numbers():
    assert ClassTarget.fit(series([10, 9, 2])).classes == ("2", "9", "10")
    assert ClassTarget.fit(series(["b", "a", None])).classes == ("a", "b")


def test_class_values():
    target = ClassTarget("t", ("a", "b"))
    assert target.values(series(["b", None, "a"])).tolist() == [1, -1, 0]
    with pytest.raises(DataError, match="holds 'c' in row 2, which is none of the model's classes"):
        target.values(series(["a", "c"]))


def test_number_target_returns_to_the_unit():
    cells = series([100.0, 300.0, 500.0, None])
    target = NumberTarget.fit(cells, np.array([0, 1, 2]))
    values = target.values(cells)[:3]
    encoded = target.encode(values)
    assert encoded.dtype == np.float32 and encoded.shape == (3, 1)
    assert abs(float(encoded.mean())) < 1e-6
    np.testing.assert_allclose(target.decode(encoded), values, rtol=1e-6)


@given(
    st.lists(st.integers(0, 4), min_size=20, max_size=300),
    st.integers(0, 1000),
    st.sampled_from([(0.2, 0.16), (0.1, 0.1), (0.3, 0.05)]),
)
def test_split_is_a_partition_with_the_right_sizes(strata, seed, shares):
    labels = np.array(strata)
    split = split_rows(labels, seed=seed, test=shares[0], validation=shares[1])
    parts = [split.train, split.validation, split.test]
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(labels)))
    assert len(split.test) == max(1, round(shares[0] * len(labels)))
    assert len(split.validation) == max(1, round(shares[1] * len(labels)))
    assert set(labels[split.train]) == set(labels)


def test_split_is_stratified_and_seeded():
    labels = np.repeat([0, 1, 2], [700, 200, 100])
    split = split_rows(labels, seed=3)
    for part in (split.train, split.validation, split.test):
        np.testing.assert_allclose(np.bincount(labels[part]) / len(part), [0.7, 0.2, 0.1], atol=0.015)
    again, other = split_rows(labels, seed=3), split_rows(labels, seed=4)
    assert np.array_equal(split.test, again.test)
    assert not np.array_equal(split.test, other.test)


def test_split_refuses():
    with pytest.raises(DataError, match="5 rows"):
        split_rows(np.zeros(5, dtype=int), seed=0)
    with pytest.raises(DataError, match="too few"):
        split_rows(np.arange(12), seed=0)
    with pytest.raises(DataError, match="together below 1"):
        split_rows(np.zeros(50, dtype=int), seed=0, test=0.7, validation=0.4)


def test_quantile_groups_are_equal():
    groups = quantile_groups(np.random.default_rng(0).normal(size=1000))
    assert np.bincount(groups).tolist() == [100] * 10
    assert quantile_groups(np.arange(3.0)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("task", [None, "regression"])
@pytest.mark.parametrize("typed", [True, False])
def test_dates_are_no_target(typed, task):
    days = [date(2020, 1, 1) + timedelta(days=day) for day in range(40)]
    cells = pl.Series("day", days if typed else [str(day) for day in days])

    with pytest.raises(DataError, match=r"'day' holds dates such as '2020-01-01'.*days since a day"):
        infer_task(cells, task)


def test_amounts_of_money_are_a_target():
    cells = pl.Series("price", [f"${1000 + 17 * i:,}.50" for i in range(40)])

    assert infer_task(cells).kind == "regression"
    assert NumberTarget.fit(cells, np.arange(40)).mean == pytest.approx(1000.5 + 17 * 19.5)


@pytest.mark.parametrize("asked", [None, "classification", "regression"])
@pytest.mark.parametrize("cells", [[[1, 2], [3]], [{"a": 1}, {"a": 2}], [b"a", b"b"]])
def test_targets_of_nested_values_are_refused(cells, asked):
    with pytest.raises(DataError, match=r"'y' holds .* values, which are neither classes nor numbers"):
        infer_task(pl.Series("y", cells), asked)
