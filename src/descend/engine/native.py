"""The native engine: a thin adapter that hands plans, arrays and optimizers to the C++ module of this machine.

The best instruction set the machine offers is picked at import; `DESCEND_ISA=scalar|avx2|avx512|neon` forces one.
This file does no arithmetic: it checks, converts and calls.
"""

from __future__ import annotations

import importlib
import math
import os
import time
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from descend.engine import mixing, sparse
from descend.engine.protocol import Batch, OptimizerState, Progress, Tick, check_accumulation
from descend.engine.sequences import Sequences
from descend.engine.sparse import SparseRows
from descend.layers.windows import Window
from descend.optimizers import Optimizer
from descend.plan import ops
from descend.plan.plan import Parameter, Plan
from descend.plan.sources import category_columns


def _load() -> ModuleType:
    """The module for the best instruction set, or for the one DESCEND_ISA asks for."""
    scalar = importlib.import_module("descend.engine._native_scalar")
    supported: list[str] = scalar.supported()
    wanted = os.environ.get("DESCEND_ISA", "").strip().lower()
    if wanted and wanted not in supported:
        known = ("scalar", "avx2", "avx512", "neon")
        what = "this machine does not have it" if wanted in known else "no such instruction set is known"
        raise ImportError(f"DESCEND_ISA={wanted!r}: {what}; set it to one of {', '.join(supported)}, or unset it")
    name = wanted or supported[0]
    return scalar if name == "scalar" else importlib.import_module(f"descend.engine._native_{name}")


_native = _load()

_PARAMETER_FIELDS = {  # the native names of an op's parameters
    "gamma": "weight",
    "beta": "bias",
    "slope": "weight",
    "dropout": "rate",
    "recurrent_dropout": "recurrent_rate",
}
_COLUMN_FIELDS = {  # the same for ops on columns
    **dict.fromkeys(("center", "knots", "fill", "levels", "frequency", "start"), "weight"),
    **dict.fromkeys(("spread", "values", "width"), "bias"),
}
_OPTIMIZER_FIELDS = {"beta": "beta_1", "momentum": "beta_1", "nesterov": "look_ahead"}
_SIDES = ("height", "width")
_KINDS: dict[type[ops.Op], str] = {
    ops.Dense: "dense",
    ops.BatchNorm: "batch_norm",
    ops.LayerNorm: "layer_norm",
    ops.Activation: "activation",
    ops.PReLU: "prelu",
    ops.Softmax: "softmax",
    ops.Dropout: "dropout",
    ops.GaussianNoise: "gaussian_noise",
    ops.Add: "add",
    ops.Concatenate: "concatenate",
    ops.Recurrent: "recurrent",
    ops.Embedding: "embedding",
    ops.Mix: "mix",
    ops.SwapNoise: "swap_noise",
    ops.Warp: "warp",
    ops.Adjust: "adjust",
    ops.Erase: "erase",
    ops.Convolution: "convolution",
    ops.Depthwise: "depthwise",
    ops.Pool: "pool",
    ops.Pad: "pool",  # the mean of what windows of one pixel cover, 0 where that is nothing
    ops.Reshape: "reshape",
    ops.Rescale: "rescale",
    ops.Interpolate: "interpolate",
    ops.Impute: "impute",
    ops.OneHot: "one_hot",
    ops.Periodic: "periodic",
    ops.PiecewiseLinear: "piecewise_linear",
}


def isa() -> str:
    """The instruction set in use: "scalar", "avx2", "avx512" or "neon"."""
    return _native.isa


def processors() -> int:
    """The number of processors that this process may use."""
    return _native.processors()


def shuffle(n: int, seed: int, epoch: int) -> NDArray[np.uint32]:
    """The numbers 0 .. n - 1 in an order that depends on (seed, epoch) alone: (n,) uint32."""
    return _native.shuffle(n, _unsigned(seed), _unsigned(epoch))


def perceptron_epoch(
    X: NDArray[np.float64],
    y: NDArray[np.float64],
    w: NDArray[np.float64],
    b: NDArray[np.float64] | None,
    eta: float,
    order: NDArray[np.uint32],
) -> int:
    """Present rows once by the perceptron's rule and return the number of mistakes.

    A row's prediction is 1 if x . w + b >= 0, else 0; on a mistake w += eta (y - prediction) x and
    b += eta (y - prediction). Rosenblatt, 1958.

    Parameters
    ----------
    X : (rows, features), C order
    y : (rows,) of 0 and 1
    w : (features,), changed in place
    b : (1,), changed in place; None for no intercept
    eta : the step
    order : rows in the order in which they come
    """
    return _native.perceptron_epoch(X, y, w, b, float(eta), order)


def _rows(X: Any) -> Any:
    """X as the module takes it: a matrix, with lengths a tuple of it and them, or compressed sparse rows as
    (starts, columns, values).
    """
    if isinstance(X, Sequences):
        return _rows(X.values), X.lengths
    if isinstance(X, np.ndarray) or not sparse.is_sparse(X):
        return X if X.ndim == 2 else X.reshape(X.shape[0], math.prod(X.shape[1:]))
    return np.asarray(X.indptr, np.int64), np.asarray(X.indices, np.int32), X.data


def _target(y: NDArray) -> NDArray:
    """Y as the module takes it: a matrix, or class numbers one after the other."""
    if y.ndim == 1 or (y.ndim == 2 and y.dtype != np.int32):
        return y
    return y.reshape(-1) if y.dtype == np.int32 else y.reshape(y.shape[0], math.prod(y.shape[1:]))


def _unsigned(number: int) -> int:
    return int(number) & 0xFFFFFFFFFFFFFFFF


def _parameter(parameter: Parameter) -> dict[str, Any]:
    *rows, columns = parameter.shape
    penalty = parameter.penalty
    return {
        "offset": parameter.offset,
        "rows": int(np.prod(rows, dtype=np.int64)),
        "columns": columns,
        "trainable": parameter.trainable,
        "regularized": parameter.regularized,
        "l1": 0.0 if penalty is None else getattr(penalty, "l1", 0.0),
        "l2": 0.0 if penalty is None else getattr(penalty, "l2", 0.0),
        "spread": penalty is not None and penalty.spread,
        "max_norm": parameter.max_norm,
    }


def _op(op: ops.Op) -> dict[str, Any]:
    kind = _KINDS.get(type(op))
    if kind is None:
        raise TypeError(f"the native engine has no op {type(op).__name__} (layer {op.name!r})")
    names = _COLUMN_FIELDS if isinstance(op, ops.ColumnMap) else _PARAMETER_FIELDS
    fields = {names.get(key, key): value for key, value in vars(op).items() if key not in ("name", "inputs")}
    drop = fields.pop("drop_connect", None)
    if drop is not None:
        fields |= {"drop_rate": drop.rate, "drop_stream": drop.stream}
        if isinstance(op, ops.Dense):
            fields |= {"samples": drop.samples, "function": drop.function, "alpha": drop.alpha}
    norm = fields.pop("norm", None)
    if norm is not None:
        fields |= {"norms": list(norm.parameters), "momentum": norm.momentum, "epsilon": norm.epsilon}
        fields["frozen"] = norm.frozen
    if isinstance(op, ops.Mix):
        fields["shares"] = mixing.shares(op.alpha).tolist()
    if isinstance(op, ops.Warp):
        fields["moves"] = [(move.motion, [*move.y, *move.x], move.tied) for move in op.moves]
    if isinstance(op, ops.Convolution | ops.Depthwise | ops.Pool | ops.Pad):
        fields["window"] = _window(op.window)
    if isinstance(op, ops.Pad):
        fields["average"] = True
    if isinstance(op, ops.Convolution):
        fields["to_image"], fields["transposed"] = fields.pop("transposed"), fields.pop("tied")
        del fields["groups"]  # its weight's, which `_describe` adds
    return {"kind": kind, "input": op.inputs[0], "further": op.inputs[1:], **fields}


def _window(window: Window) -> dict[str, int]:
    pairs = {"image": window.image, "grid": window.grid, "": window.size}
    named = {f"{key}_{side}".strip("_"): n for key, pair in pairs.items() for side, n in zip(_SIDES, pair, strict=True)}
    steps = {"stride": window.strides, "dilation": window.dilation}
    named |= {f"{key}_{axis}": n for key, pair in steps.items() for axis, n in zip("yx", pair, strict=True)}
    return {**named, "top": window.before[0], "left": window.before[1]}


def _describe(plan: Plan) -> dict[str, Any]:
    loss = None if plan.loss is None else vars(plan.loss)
    parameters = [_parameter(parameter) for parameter in plan.parameters]
    for op in plan.ops:
        if isinstance(op, ops.Convolution):
            parameters[op.weight] |= {"taps": op.window.taps, "groups": op.groups}
    return {
        "widths": [value.shape[-1] for value in plan.values],
        "positions": [value.positions for value in plan.values],
        "parameters": parameters,
        "ops": [_op(op) | _origins(op, plan) for op in plan.ops],
        "input": plan.input,
        "output": plan.output,
        "loss": loss,
    }


def _origins(op: ops.Op, plan: Plan) -> dict[str, Any]:
    """Where an embedding's columns of categories stand in X."""
    return {"origins": category_columns(plan, op)} if isinstance(op, ops.Embedding) else {}


def _optimizer(optimizer: Optimizer) -> dict[str, Any]:
    fields = {_OPTIMIZER_FIELDS.get(key, key): value for key, value in vars(optimizer).items()}
    del fields["learning_rate"]
    return {"kind": optimizer.kind, **fields}


class NativeEngine:
    """The engine networks train with. See `descend.engine.protocol.Engine`.

    Parameters
    ----------
    plan : the lowered network, with its loss unless it is only to predict
    dtype : "float32" or "float64"
    """

    def __init__(self, plan: Plan, dtype: DTypeLike = "float32") -> None:
        self.plan = plan
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.float32, np.float64):
            raise ValueError(f"dtype must be 'float32' or 'float64', not {self.dtype.name!r}")
        make = _native.Model32 if self.dtype == np.float32 else _native.Model64
        self._model = make(_describe(plan))
        shape = plan.values[plan.output].shape
        self._output = None if len(shape) == 1 else shape  # what rows of numbers are to become

    def set_parameters(self, flat: NDArray) -> None:
        self._model.set_parameters(np.ascontiguousarray(flat, self.dtype))

    def get_parameters(self) -> NDArray:
        return self._model.get_parameters()

    def predict(self, X: NDArray | SparseRows | Sequences, threads: int = 0) -> NDArray:
        out = self._model.predict(_rows(X), threads)
        return out if self._output is None else out.reshape(out.shape[0], *self._output)

    def predict_from(
        self, X: NDArray | SparseRows | Sequences, state: NDArray | None, threads: int = 0
    ) -> tuple[NDArray, NDArray]:
        out, after = self._model.predict_from(_rows(X), state, threads)
        return (out if self._output is None else out.reshape(out.shape[0], *self._output)), after

    def evaluate(self, batch: Batch, threads: int = 0) -> float:
        return self._model.evaluate(_rows(batch.X), _target(batch.y), batch.weight, threads)

    def gradients(self, batch: Batch, *, seed: int = 0, step: int = 0, threads: int = 0) -> tuple[float, NDArray]:
        return self._model.gradients(_rows(batch.X), _target(batch.y), batch.weight, _unsigned(seed), step, threads)

    def probe(
        self, X: NDArray | SparseRows | Sequences, bounds: NDArray[np.float64], threads: int = 0
    ) -> NDArray[np.float64]:
        return self._model.probe(_rows(X), bounds, threads)

    def start(self, optimizer: Optimizer, *, seed: int, state: OptimizerState | None = None) -> None:
        step, slots = 0, None
        if state is not None:
            step, slots = state.step, np.ascontiguousarray(state.slots, self.dtype)
        self._model.start(_optimizer(optimizer), _unsigned(seed), step, slots)

    def get_state(self) -> OptimizerState:
        step, slots = self._model.state()
        return OptimizerState(step, slots)

    def train(
        self,
        batch: Batch,
        rows: NDArray[np.uint32],
        *,
        batch_size: int,
        learning_rates: NDArray[np.float64],
        threads: int = 0,
        deadline: float | None = None,
        tick: Tick | None = None,
        accumulate: int = 1,
        measure: bool = False,
        adapt: bool = True,
    ) -> Progress:
        """See the protocol. `threads` 0 lets the amount of work decide; `adapt=False` keeps the team at its size
        even while the machine withholds a core (the bits do not depend on either).
        """
        check_accumulation(self.plan, accumulate)
        seconds = -1.0 if deadline is None else max(0.0, deadline - time.monotonic())
        X, y = _rows(batch.X), _target(batch.y)
        loss, done, steps, status, losses, penalties, moved = self._model.train(
            X,
            y,
            batch.weight,
            rows,
            batch_size,
            learning_rates,
            threads,
            seconds,
            tick,
            adapt,
            accumulate,
            measure,
        )
        return Progress(loss, done, steps, status, losses[:steps], penalties[:steps], moved)
