"""Sparse rows: what engines take as such, and which networks can read them.

Engines take them in canonical form: a SciPy CSR matrix or array, columns sorted, none twice, of the engine's dtype.
"""

from __future__ import annotations

import sys
from typing import Any, Protocol, TypeGuard

from numpy.typing import ArrayLike, NDArray

from descend.engine.sequences import Sequences
from descend.plan import ops
from descend.plan.plan import Plan


class Sparse(Protocol):
    """A matrix or array of SciPy's in any sparse format, as far as types need to know it."""

    format: str

    def tocsr(self, copy: bool = ...) -> Any: ...


class SparseRows(Protocol):
    """A CSR matrix or array of SciPy's: row r holds data[k] in column indices[k] for indptr[r] <= k < indptr[r + 1]."""

    data: NDArray
    indices: NDArray
    indptr: NDArray

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, rows: Any, /) -> Any: ...

    def astype(self, dtype: Any, casting: str = ..., copy: bool = ...) -> Any: ...


#: Rows of features as users pass them.
Features = ArrayLike | Sparse | Sequences


def is_sparse(X: Any) -> TypeGuard[SparseRows]:
    """Whether X is one of SciPy's sparse matrices or arrays, in CSR format where it comes from an engine's batch.

    SciPy is not loaded for the answer.
    """
    scipy_sparse = sys.modules.get("scipy.sparse")
    return scipy_sparse is not None and scipy_sparse.issparse(X)


def check_plan(plan: Plan, name: str = "X") -> None:
    """Refuse plans that need every number of X, zeros included.

    Parameters
    ----------
    plan : of the network that is to read sparse rows
    name : the argument's name in messages

    Raises
    ------
    ValueError
        Naming the layer and the remedy.
    """
    readers = [op for op in plan.ops if plan.input in op.inputs]
    found = [f"the layer {op.name!r} ({type(op).__name__})" for op in readers if not isinstance(op, ops.Dense)]
    if not readers or plan.output == plan.input or (plan.loss is not None and plan.loss.prediction == plan.input):
        found.append("the network, which has no layer that computes,")
    if len(plan.values[plan.input].shape) != 1:
        found.append(f"the network, whose rows have the shape {plan.values[plan.input].shape},")
    if found:
        raise ValueError(
            f"{name} is sparse, but {found[0]} works on every number of it; let a Dense layer come first, or pass "
            f"{name}.toarray()"
        )
