"""Batches of sparse rows for the tests: the table of op cases thinned out, and one wide network."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from descend import layers, losses
from descend.engine import sparse
from descend.engine.protocol import Batch
from descend.plan import Plan, attach_loss, lower
from op_case import OpCase
from ops_cases import CASES


def _takes_sparse(case: OpCase) -> bool:
    try:
        sparse.check_plan(case.plan())
    except ValueError:
        return False
    return True


#: The cases whose first layer is dense.
SPARSE_CASES = [case for case in CASES if _takes_sparse(case)]


def thinned(batch: Batch) -> Batch:
    """The batch with sparse rows: about a quarter of its numbers, one column of them all, and an empty row."""
    X = np.asarray(batch.X).copy()
    rng = np.random.default_rng(X.shape[0])
    X[rng.random(X.shape) > 0.25] = 0
    X[:, -1] = 1.5
    X[len(X) // 2] = 0
    return Batch(csr_array(X), batch.y, batch.weight)


def wide_plan() -> Plan:
    """More features than one task owns, outputs of one and a half panels, and a tail of every loop."""
    stack = [layers.Dense(151, "relu"), layers.Dropout(0.2), layers.Dense(3, "softmax")]
    return attach_loss(lower(stack, (1003,)), losses.CategoricalCrossentropy(), target="index")


def wide_batch(dtype: str, rows: int = 300) -> Batch:
    rng = np.random.default_rng(7)
    X = rng.normal(size=(rows, 1003)).astype(dtype)
    X[rng.random(X.shape) > 0.02] = 0
    X[:, 5] = 1  # longer than a block of terms, for a sum over the rows
    X[rows // 3] = rng.normal(size=1003)  # and for a sum over the columns
    return Batch(csr_array(X), rng.integers(0, 3, rows).astype(np.int32))
