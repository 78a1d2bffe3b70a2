"""The weights of an estimator: in the engine that works with them, and as arrays its user may look at and change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descend.engine.protocol import Engine
from descend.optimizers import Optimizer
from descend.plan import Plan, ops
from descend.training.engines import make_engine


class TrainedNetwork:
    """A plan with weights, an engine made when it is needed, and the state of an optimizer.

    Arrays that were handed out (`coefs`, `intercepts`) belong to the user: what is written into them counts from the
    next prediction or training on. Nobody pays for that who never asked for them.

    Parameters
    ----------
    plan : with its loss
    dtype : float32 or float64
    flat : all weights (plan.size,)
    """

    def __init__(self, plan: Plan, dtype: np.dtype, flat: NDArray) -> None:
        self._hold(plan, dtype, flat)

    def _hold(self, plan: Plan, dtype: np.dtype, flat: NDArray) -> None:
        self.plan = plan
        self.dtype = np.dtype(dtype)
        self.optimizer: Optimizer | None = None
        self.seed = 0  # of masks and noise
        self._flat: NDArray | None = np.array(flat, dtype=self.dtype)  # None while the engine's are newer
        self._shown: tuple[list[NDArray], list[NDArray]] | None = None  # lists in the user's hands
        self._views: tuple[list[NDArray], list[NDArray]] = ([], [])  # what they held when they were handed out
        self._known: NDArray | None = None  # the engine's weights while lists are out
        self._engine: Engine | None = None
        self._state: Any = None  # of the optimizer, until an engine takes it over

    def __getstate__(self) -> dict[str, Any]:
        state = self._engine.get_state() if self._engine is not None and self._state is None else self._state
        return {
            "plan": self.plan,
            "dtype": self.dtype,
            "flat": self.flat().copy(),
            "optimizer": self.optimizer,
            "seed": self.seed,
            "state": state if self.optimizer is not None else None,
        }

    def __setstate__(self, fields: dict[str, Any]) -> None:
        self._hold(fields["plan"], fields["dtype"], fields["flat"])
        self.optimizer, self._state, self.seed = fields["optimizer"], fields["state"], fields["seed"]

    @property
    def coefs(self) -> list[NDArray]:
        """Weight matrices (inputs, outputs) of the dense layers."""
        return self._show()[0]

    @property
    def intercepts(self) -> list[NDArray]:
        """Biases (outputs,) of the dense layers."""
        return self._show()[1]

    def replace(self, *, coefs: Sequence[Any] | None = None, intercepts: Sequence[Any] | None = None) -> None:
        """Take over weights or biases.

        Raises
        ------
        ValueError
            When their number or shapes are not the network's.
        """
        for shown, new in zip(self._show(), (coefs, intercepts), strict=True):
            if new is not None:
                if len(new) != len(shown):
                    raise ValueError(f"expected {len(shown)} arrays, one per layer, got {len(new)}")
                shown[:] = new
        self._take_over()

    def flat(self) -> NDArray:
        """Return all weights (plan.size,), not to be changed."""
        if self._flat is None:
            assert self._engine is not None
            self._flat = self._engine.get_parameters()
        self._take_over()
        return self._flat

    def engine(self) -> Engine:
        """Return the engine, with the current weights."""
        if self._engine is None:
            engine = make_engine(self.plan, self.dtype)
            engine.set_parameters(self.flat())
            self._known = None if self._shown is None else self.flat().copy()
            self._engine = engine
        elif self._shown is not None:
            flat = self.flat()
            if self._known is None or not np.array_equal(flat, self._known):
                self._engine.set_parameters(flat)
                self._known = flat.copy()
        return self._engine

    def set_flat(self, flat: NDArray) -> None:
        """Replace all weights."""
        self._flat, self._shown = np.array(flat, dtype=self.dtype), None
        if self._engine is not None:
            self._engine.set_parameters(self._flat)

    def start(self, optimizer: Optimizer, seed: int = 0) -> None:
        """Begin training with an optimizer that remembers nothing; `seed` is that of masks and noise."""
        self.optimizer, self._state, self.seed = optimizer, None, seed
        self.engine().start(optimizer, seed=seed)

    def training_engine(self) -> Engine:
        """Return the engine to train with, whose weights will change: the optimizer goes on where it was."""
        engine = self.engine()
        if self._state is not None and self.optimizer is not None:
            engine.start(self.optimizer, seed=self.seed, state=self._state)
            self._state = None
        self._flat = self._shown = None
        return engine

    def change(self, plan: Plan, dtype: np.dtype) -> None:
        """Go on with another plan of the same parameters, or in another dtype, keeping weights and optimizer state.

        Raises
        ------
        ValueError
            When the parameters are not the same.
        """
        if [p.shape for p in plan.parameters] != [p.shape for p in self.plan.parameters]:
            before = " and ".join(str(p.shape) for p in self.plan.parameters)
            after = " and ".join(str(p.shape) for p in plan.parameters)
            raise ValueError(
                f"training goes on from weights of shapes {before}, but the data and parameters now ask for {after}; "
                "keep the layers and the targets as they were, or call fit with warm_start=False"
            )
        self.__setstate__({**self.__getstate__(), "plan": plan, "dtype": dtype})

    def _show(self) -> tuple[list[NDArray], list[NDArray]]:
        if self._shown is None:
            flat = self.flat()
            found: tuple[list[NDArray], list[NDArray]] = ([], [])
            for op in self.plan.ops:
                if isinstance(op, ops.Dense):
                    for index, arrays in zip((op.weight, op.bias), found, strict=True):
                        if index is not None:
                            parameter = self.plan.parameters[index]
                            arrays.append(flat[parameter.slice].reshape(parameter.shape))
            self._shown, self._views = found, (list(found[0]), list(found[1]))
            self._known = flat.copy()
        return self._shown

    def _take_over(self) -> None:
        """Put arrays that users put into the lists in the place of ours."""
        if self._shown is None:
            return
        for shown, views in zip(self._shown, self._views, strict=True):
            for i, view in enumerate(views):
                if i < len(shown) and shown[i] is view:
                    continue
                new = np.asarray(shown[i]) if i < len(shown) else np.empty(0)
                if new.shape != view.shape:
                    raise ValueError(f"weights of layer {i} must have shape {view.shape}, got {new.shape}")
                view[...] = new
                shown[i] = view
