"""A network as a description and arrays, and back. Every name and number of a file is checked before it is used."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descend import initializers, layers, losses, optimizers, penalties, specs
from descend.engine.protocol import OptimizerState
from descend.model import archive
from descend.model.archive import ModelFileError
from descend.plan import attach_loss, check_input_shape, flatten, named
from descend.training.core import Core
from descend.training.history import History
from descend.training.measurements import Measurements
from descend.training.setup import Setup
from descend.training.state import TrainingState

_SLOTS = "optimizer/"


def save(core: Core, extra: Mapping[str, Any], path: str | os.PathLike[str], *, with_optimizer: bool) -> None:
    """Write a network; see `Network.save`."""
    seen = specs.Seen(layers.Layer)
    description: dict[str, Any] = {
        "layers": [specs.to_config(layer, seen) for layer in core.layers],
        "input_shape": None if core.input_shape is None else list(core.input_shape),
        "seed": core.seed,
        "dtype": core.dtype.name,
        "penalty": None if core.penalty is None else specs.to_config(core.penalty),
        "initializer": None if core.initializer is None else specs.to_config(core.initializer),
        "adapted": core.adapted,
        "scaled": core.scaled,
        "history": _plain_history(core.history),
        "training": None,
        "extra": _plain_extra(extra),
    }
    arrays: dict[str, NDArray] = {}
    if core.plan is not None:
        arrays.update(named(core.plan, core.require_engine().get_parameters()))
    if core.state is not None:
        slots = core.optimizer_state() if with_optimizer else None
        description["training"] = _describe_state(core.state, slots)
        if slots is not None and core.state.optimizer is not None:
            for name, row in zip(core.state.optimizer.slots, slots.slots, strict=True):
                arrays[_SLOTS + name] = row
    archive.write(path, description, arrays)


def load(path: str | os.PathLike[str]) -> tuple[Core, dict[str, Any]]:
    """Read a network and its `extra`; see `Network.load`."""
    description, arrays = archive.read(path)
    try:
        return _build(description, arrays), _dict(description, "extra")
    except ModelFileError:
        raise
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError) as error:
        what = f"its description lacks {error}" if isinstance(error, KeyError) else str(error)
        raise ModelFileError(
            f"{os.fspath(path)} cannot be loaded: what it describes is not a valid network: {what}"
        ) from error


def _describe_state(state: TrainingState, slots: OptimizerState | None) -> dict[str, Any]:
    return {
        "loss": specs.to_config(state.loss),
        "target": state.target,
        "optimizer": None if state.optimizer is None else specs.to_config(state.optimizer),
        "epoch": state.epoch,
        "step": state.step,
        "rate": state.rate,
        "watched": [float(value) for value in state.watched],
        "has_slots": slots is not None,
    }


def _plain_history(history: History) -> dict[str, Any]:
    """Return the history's columns with None for NaN, which JSON does not have."""
    columns = {name: [_plain(value) for value in column] for name, column in history.columns().items()}
    return {
        "columns": columns,
        "initial_loss": history.initial_loss,
        "best_epoch": history.best_epoch,
        "stop_reason": history.stop_reason,
        "monitor": None if history.monitor is None else history.monitor.to_plain(),
        "setup": None if history.setup is None else history.setup.to_plain(),
    }


def _plain_extra(extra: Mapping[str, Any]) -> dict[str, Any]:
    try:
        json.dumps(dict(extra), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise type(error)(
            f"extra must hold what JSON can (text, finite numbers, lists, dicts with text as keys): {error}; "
            "convert or remove the rest before saving"
        ) from error
    return dict(extra)


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _build(description: Mapping[str, Any], arrays: dict[str, NDArray]) -> Core:
    shape = description["input_shape"]
    seen = specs.Seen(layers.Layer)
    core = Core(
        layers=[_spec(config, layers.Layer, seen) for config in _list(description, "layers")],
        input_shape=None if shape is None else check_input_shape(_list(description, "input_shape")),
        seed=_integer(description, "seed", 2**63 - 1),
        dtype=_dtype(description["dtype"]),
        penalty=_optional(description["penalty"], penalties.Penalty),
        initializer=_optional(description.get("initializer"), initializers.Initializer),
    )
    core.adapted = core.adapted or bool(description.get("adapted", False))
    core.scaled = bool(description.get("scaled", True))  # files without it know no initializers that scale
    core.history = _read_history(_dict(description, "history"))
    training = description["training"]
    if training is not None:
        if core.plan is None:
            raise ValueError("it was trained but does not state its input shape")
        core.state = _read_state(training)
        core.plan = attach_loss(
            core.lower(core.layers, core.require_plan().values[0].shape),
            core.state.loss,
            target=core.state.target,
        )
    slots = {name: arrays.pop(name) for name in list(arrays) if name.startswith(_SLOTS)}
    if core.plan is None:
        if arrays or slots:
            raise ValueError("it holds weights but does not state its input shape")
        return core
    _check_dtypes(arrays, core.dtype)
    core.set_parameters(flatten(core.plan, arrays))
    if core.state is not None and training is not None and training["has_slots"]:
        core.state.slots = _read_slots(core, slots)
        return core
    if slots:
        raise ValueError("it holds an optimizer's state without saying whose")
    if core.state is not None:
        # Without slots training starts anew, though its epochs go on counting.
        core.state.step = 0
    return core


def _read_state(training: Any) -> TrainingState:
    if not isinstance(training, Mapping):
        raise ValueError("training is not a table")
    if training["target"] not in ("dense", "index"):
        raise ValueError(f"the target is of the unknown kind {training['target']!r}")
    rate = training["rate"]
    return TrainingState(
        loss=_spec(training["loss"], losses.Loss),
        target=training["target"],
        optimizer=_optional(training["optimizer"], optimizers.Optimizer),
        epoch=_integer(training, "epoch", 2**62),
        step=_integer(training, "step", 2**62),
        rate=None if rate is None else float(rate),
        watched=[float(value) for value in _list(training, "watched")],
    )


def _read_slots(core: Core, slots: Mapping[str, NDArray]) -> OptimizerState:
    assert core.state is not None and core.plan is not None
    names = () if core.state.optimizer is None else core.state.optimizer.slots
    if set(slots) != {_SLOTS + name for name in names}:
        raise ValueError("the optimizer's state does not belong to its optimizer")
    table = np.zeros((len(names), core.plan.size), dtype=core.dtype)
    for i, name in enumerate(names):
        row = slots[_SLOTS + name]
        if row.shape != (core.plan.size,) or row.dtype != core.dtype:
            raise ValueError(
                f"the optimizer's {name!r} has shape {row.shape}, the network has {core.plan.size} weights"
            )
        table[i] = row
    return OptimizerState(core.state.step, table)


def _read_history(saved: Mapping[str, Any]) -> History:
    columns = {name: [_number(v) for v in _list(saved["columns"], name)] for name in _dict(saved, "columns")}
    if len({len(column) for column in columns.values()}) > 1:
        raise ValueError("its history has columns of different lengths")
    best = saved["best_epoch"]
    # Files of the first versions have neither of these two, nor initial_loss.
    monitor, setup = saved.get("monitor"), saved.get("setup")
    return History(
        epoch=[int(value) for value in columns.pop("epoch")],
        loss=columns.pop("loss"),
        val_loss=columns.pop("val_loss", []),
        learning_rate=columns.pop("learning_rate"),
        seconds=columns.pop("seconds"),
        metrics=columns,
        initial_loss=None if saved.get("initial_loss") is None else float(saved["initial_loss"]),
        best_epoch=None if best is None else int(best),
        stop_reason=saved["stop_reason"] if isinstance(saved["stop_reason"], str) else "",  # type: ignore[arg-type]
        monitor=None if monitor is None else Measurements.from_plain(monitor),
        setup=None if setup is None else Setup.from_plain(setup),
    )


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _spec(config: Any, base: type, seen: specs.Seen | None = None) -> Any:
    spec = specs.from_config(config, seen)
    if not isinstance(spec, base):
        raise ValueError(f"expected a {base.__name__}, found {type(spec).__name__}")
    return spec


def _optional(config: Any, base: type) -> Any:
    return None if config is None else _spec(config, base)


def _dict(table: Mapping[str, Any], name: str) -> dict[str, Any]:
    if not isinstance(table[name], dict):
        raise ValueError(f"{name} is not a table")
    return table[name]


def _list(table: Mapping[str, Any], name: str) -> list[Any]:
    if not isinstance(table[name], list):
        raise ValueError(f"{name} is not a list")
    return table[name]


def _integer(table: Mapping[str, Any], name: str, high: int) -> int:
    value = table[name]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= high:
        raise ValueError(f"{name} must be an integer from 0 to {high}")
    return value


def _dtype(name: Any) -> np.dtype:
    if name not in ("float32", "float64"):
        raise ValueError(f"the dtype {name!r} is unknown")
    return np.dtype(name)


def _check_dtypes(arrays: Mapping[str, NDArray], dtype: np.dtype) -> None:
    for name, array in arrays.items():
        if array.dtype != dtype:
            raise ValueError(f"{name} has dtype {array.dtype}, the network {dtype}")
