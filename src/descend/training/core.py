"""What a network is made of: its layers, their plan, the engine that holds the weights, and how far training has come.

`Core` keeps these consistent. It knows neither users' arrays nor epochs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from descend import layers as layer_specs
from descend import losses, optimizers
from descend.engine.protocol import Engine, OptimizerState
from descend.initializers import Initializer
from descend.penalties import Penalty
from descend.plan import (
    Plan,
    attach_loss,
    complete_initializers,
    expand,
    final_function,
    groups_of,
    initial_parameters,
    lower,
    name_layers,
)
from descend.training import adapting, engines, groups, targets
from descend.training.history import History
from descend.training.state import TrainingState, continues


@dataclass(frozen=True)
class Candidate:
    """A network completed for a target: `layers` with their output activation, and the plan with its loss."""

    layers: tuple[layer_specs.Layer, ...]
    input_shape: tuple[int, ...]
    plan: Plan
    loss: losses.Loss
    kind: Literal["dense", "index"]

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of one prediction."""
        return self.plan.values[self.plan.output].shape

    @property
    def groups(self) -> tuple[int, ...]:
        """Sizes of the groups of classes that the outputs are, () for none."""
        return () if self.plan.loss is None else self.plan.loss.groups


class Core:
    """See the module. Fields are read by `descend.model` and `descend.training.fitting`.

    Attributes
    ----------
    layers : as given, and the output activation once it is known
    input_shape : of one row, or None
    plan : None until the input shape is known; with a loss from the first fit on
    engine : None until weights are needed
    state : None before the first fit
    history : of all fits
    adapted : whether the layers that take statistics from data have them, or there are none
    scaled : whether data-dependent first weights have seen data, or were replaced
    """

    def __init__(
        self,
        layers: Sequence[layer_specs.Layer],
        input_shape: tuple[int, ...] | None,
        seed: int,
        dtype: np.dtype,
        penalty: Penalty | None,
        initializer: Initializer | None = None,
    ) -> None:
        complete_initializers(name_layers(expand(layers)))
        self.layers = tuple(layers)
        self.input_shape = input_shape
        self.seed = seed
        self.dtype = dtype
        self.penalty = penalty
        self.initializer = initializer
        self.adapted = adapting.adaptive_layer(self.layers) is None
        self.scaled = False
        counts = adapting.counts_levels(self.layers)
        self.plan = None if input_shape is None or counts else self.lower(self.layers, input_shape)
        self.engine: Engine | None = None
        self.state: TrainingState | None = None
        self.history = History()
        self._started: optimizers.Optimizer | None = None

    def __getstate__(self) -> dict[str, Any]:
        fields = {name: value for name, value in vars(self).items() if name not in ("engine", "_started")}
        fields["state"] = None if self.state is None else replace(self.state, slots=self.optimizer_state())
        fields["flat"] = None if self.engine is None else self.engine.get_parameters()
        return fields

    def __setstate__(self, fields: dict[str, Any]) -> None:
        flat = fields.pop("flat")
        vars(self).update(fields, engine=None, _started=None)
        if flat is not None:
            self.set_parameters(flat)

    def lower(self, layers: Sequence[layer_specs.Layer], input_shape: tuple[int, ...]) -> Plan:
        """Return the plan of layers with this network's penalty and initializer."""
        return lower(layers, input_shape, penalty=self.penalty, initializer=self.initializer)

    @property
    def missing(self) -> Sequence[int] | Literal["all"]:
        """The columns of X that may hold NaN."""
        return layer_specs.missing_columns(expand(self.layers))

    def require_adapted(self) -> None:
        """Refuse to work before layers have the statistics they need.

        Raises
        ------
        ValueError
            Naming the layer and the remedy.
        """
        if self.adapted:
            return
        layer = adapting.adaptive_layer(name_layers(expand(self.layers)))
        assert layer is not None
        raise ValueError(
            f"the layer {layer.name!r} ({type(layer).__name__}) has not seen data to take its statistics from; call "
            "fit, or adapt(X)"
        )

    def require_plan(self) -> Plan:
        """Return the plan.

        Raises
        ------
        ValueError
            When the input shape is not known yet.
        """
        if self.plan is None:
            raise ValueError(
                "this network does not know its input shape yet; call fit first, or pass "
                "Network(..., input_shape=X.shape[1:])"
            )
        return self.plan

    def require_engine(self) -> Engine:
        """Return the engine, made with the initial weights when there is none yet."""
        if self.engine is None:
            plan = self.require_plan()
            self.set_parameters(initial_parameters(plan, self.seed, self.dtype))
        assert self.engine is not None
        return self.engine

    def set_parameters(self, flat: NDArray) -> None:
        """Replace all weights by (plan.size,) numbers."""
        if self.engine is None:
            self.engine = engines.make_engine(self.require_plan(), self.dtype)
        self.engine.set_parameters(np.ascontiguousarray(flat, dtype=self.dtype))

    def complete(
        self,
        input_shape: tuple[int, ...],
        y: NDArray,
        loss: losses.Loss | None,
        layers: Sequence[layer_specs.Layer] | None = None,
    ) -> Candidate:
        """Work out how this network is trained on a target, without changing it.

        Parameters
        ----------
        input_shape : of the rows given, used when the network has none yet
        y : a target that passed `targets.as_target`
        loss : the user's choice; None for the last one, or the one that fits
        layers : this network's with what the rows told of them; None for its own

        Raises
        ------
        ValueError
            When layers, loss and target do not belong together.
        """
        shape = self.input_shape or input_shape
        known = self.layers if layers is None else tuple(layers)
        plan = self.plan or self.lower(known, shape)
        is_open = self.state is None and isinstance(expand(known)[-1], layer_specs.Dense)
        output = targets.Output(None if is_open else final_function(plan), plan.values[plan.output].shape[-1])
        y = targets.per_position(y, plan.values[plan.output].shape[:-1])
        if loss is None and self.state is not None:
            loss = self.state.loss
        ending = targets.choose(output, y, loss)
        if ending.activation is not None:
            known = (*known, ending.activation)
            plan = self.lower(known, shape)
        kind: Literal["dense", "index"] = "dense"
        if ending.loss.kind == "cce":
            same_loss = self.state is not None and self.state.loss.kind == "cce"
            several = groups_of(plan)
            kind = groups.form(y, several) if several else targets.class_form(y)
            kind = self.state.target if same_loss and self.state is not None else kind
        return Candidate(known, shape, attach_loss(plan, ending.loss, target=kind), ending.loss, kind)

    def adopt(self, candidate: Candidate) -> None:
        """Become the completed network, keeping weights and optimizer state."""
        if candidate.plan != self.plan:
            flat = None if self.engine is None else self.engine.get_parameters()
            slots = self.optimizer_state()
            self.layers, self.input_shape, self.plan = candidate.layers, candidate.input_shape, candidate.plan
            self.engine, self._started = None, None
            if flat is not None:
                self.set_parameters(flat)
            if self.state is not None:
                self.state.slots = slots
        if self.state is None:
            self.state = TrainingState(candidate.loss, candidate.kind)
        self.state.loss, self.state.target = candidate.loss, candidate.kind

    def engine_for(self, candidate: Candidate) -> Engine:
        """Return an engine with this network's weights and the candidate's loss, for looking only."""
        if candidate.plan == self.plan:
            return self.require_engine()
        engine = engines.make_engine(candidate.plan, self.dtype)
        flat = (
            initial_parameters(candidate.plan, self.seed, self.dtype)
            if self.engine is None
            else self.engine.get_parameters()
        )
        engine.set_parameters(np.ascontiguousarray(flat, dtype=self.dtype))
        return engine

    def start(self, optimizer: optimizers.Optimizer) -> None:
        """Prepare the engine for training, going on with the optimizer's state where the rule is the same."""
        state, engine = self.state, self.require_engine()
        if state is None:
            raise ValueError("adopt a loss before starting an optimizer")
        goes_on = continues(state.optimizer, optimizer)
        if not goes_on:
            state.step = 0
        if state.optimizer is None or state.optimizer.learning_rate != optimizer.learning_rate:
            state.rate, state.watched = None, []
        if optimizer.kind == "lbfgs":
            self._started, state.slots = None, None
        elif self._started != optimizer:
            engine.start(optimizer, seed=self.seed, state=self.optimizer_state() if goes_on else None)
            self._started, state.slots = optimizer, None
        state.optimizer = optimizer

    def forget_optimizer(self) -> None:
        """Drop the optimizer's state, which is of no use after a divergence."""
        self._started = None
        if self.state is not None:
            self.state.optimizer, self.state.slots, self.state.step = None, None, 0
            self.state.rate, self.state.watched = None, []

    def optimizer_state(self) -> OptimizerState | None:
        """Return the slots and step count of the last optimizer, wherever they are; None when there are none."""
        if self.engine is not None and self._started is not None:
            return self.engine.get_state()
        return None if self.state is None else self.state.slots
