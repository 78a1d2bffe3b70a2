"""Cuts rows into training, validation and test rows: seeded, stratified, every row in exactly one part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from descend.data.errors import DataError
from descend.data.examples import TEST, TRAIN, VALIDATION
from descend.wording import agreeing, counted

MIN_ROWS = 10
#: Numbers are stratified by this many groups of equal size.
QUANTILES = 10


@dataclass(frozen=True)
class Split:
    """Row numbers of the three parts, each in ascending order: (rows,) intp."""

    train: NDArray[np.intp]
    validation: NDArray[np.intp]
    test: NDArray[np.intp]


def split_rows(strata: NDArray[np.integer], *, seed: int, test: float = 0.2, validation: float = 0.16) -> Split:
    """Cut rows at random so that every stratum is shared out in the same proportions.

    Within the shuffled rows of each stratum the parts take evenly spread places, and the places go on from one
    stratum to the next, so that the parts' sizes are right even when strata have one or two rows. The first row of
    every stratum goes to training.

    Parameters
    ----------
    strata : (rows,) int array
        The class of every row, or the group `quantile_groups` gives.
    seed : int
    test, validation : float
        Shares of the rows, in (0, 1), together below 1.

    Raises
    ------
    DataError
        When there are fewer than 10 rows, or a share leaves a part without rows.
    """
    rows = len(strata)
    if not (0 < test < 1 and 0 < validation < 1 and test + validation < 1):
        raise DataError(
            f"--test-size and --validation-size must be above 0 and together below 1, got {test:g} and {validation:g}; "
            "try 0.2 and 0.16."
        )
    if rows < MIN_ROWS:
        raise DataError(
            f"There {agreeing(rows, 'is', 'are')} {counted(rows, 'row')} with a target, and at least {MIN_ROWS} are "
            "needed; add rows."
        )
    rng = np.random.Generator(np.random.Philox(key=[seed, rows]))
    order = rng.permutation(rows)
    strata = np.asarray(strata)[order]
    order = order[np.argsort(strata, kind="stable")]
    first = np.concatenate([[True], np.diff(np.sort(strata)) != 0])
    firsts, others = order[first], order[~first]
    n_test, n_validation = max(1, round(test * rows)), max(1, round(validation * rows))
    if n_test + n_validation > len(others):
        raise DataError(
            f"{counted(rows, 'row')} in {counted(len(firsts), 'class', 'classes')} are too few to train, validate and "
            "test on; add rows or merge classes."
        )
    part = np.zeros(len(others), dtype=np.int8)
    held = _spread(len(others), n_test + n_validation)
    part[held] = 1
    part[held[_spread(len(held), n_test)]] = 2
    train = np.concatenate([firsts, others[part == 0]])
    return Split(np.sort(train), np.sort(others[part == 1]), np.sort(others[part == 2]))


def validation_share(rows: int) -> float:
    """The share of the rows to validate on: 16 %, less for large tables, where 2,000 rows are enough, at least 5 %.

    Parameters
    ----------
    rows : int
    """
    return min(0.16, max(0.05, 2000 / max(1, rows)))


def split_parts(
    strata: NDArray[np.integer],
    part: NDArray[np.int8] | None,
    *,
    seed: int,
    test: float = 0.2,
    validation: float | None = None,
) -> Split:
    """Cut rows as `split_rows` does, but for what the data themselves say.

    Parameters
    ----------
    strata : (rows,) int array
    part : (rows,) int8 array or None
        `examples.TRAIN`, `VALIDATION` or `TEST`; only where no row is for validation some are drawn from those to train
        on, whose share `validation` then is.
    seed : int
    test : float
        Not used when there is `part`.
    validation : float or None
        None is `validation_share`.

    Raises
    ------
    DataError
        As `split_rows`, and when a part has no rows.
    """
    rows = len(strata)
    if part is None:
        share = validation_share(rows) if validation is None else validation
        return split_rows(strata, seed=seed, test=test, validation=share)
    train, held, tested = (np.flatnonzero(part == which) for which in (TRAIN, VALIDATION, TEST))
    if not len(train) or not len(tested):
        raise DataError("The data's own split leaves no rows to train or to test on; correct it.")
    if not len(held):
        share = validation_share(len(train)) if validation is None else validation
        drawn = split_rows(strata[train], seed=seed, test=share / 2, validation=share / 2)
        train, held = train[drawn.train], train[np.union1d(drawn.validation, drawn.test)]
    return Split(train, held, tested)


def quantile_groups(values: NDArray[np.float64]) -> NDArray[np.intp]:
    """Groups of equal size by rank, for stratifying numbers: (rows,) from 0 to at most 9.

    Parameters
    ----------
    values : (rows,) float array
    """
    groups = max(1, min(QUANTILES, len(values) // 5))
    return np.argsort(np.argsort(values, kind="stable")) * groups // max(1, len(values))


def _spread(rows: int, count: int) -> NDArray[np.intp]:
    """`count` evenly spread places among `rows`."""
    return np.floor((np.arange(count) + 0.5) * rows / max(1, count)).astype(np.intp)
