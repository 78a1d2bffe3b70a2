"""Puts a loss at the end of a plan: checks that it fits the last op and lets it start before that op where it can."""

from __future__ import annotations

import math
from typing import Literal

from descend import losses
from descend.plan import ops
from descend.plan.plan import Plan
from descend.plan.validator import validate

#: The final function each loss can absorb, so that it is computed from the value before it without overflow.
ABSORBED = {"bce": "sigmoid", "cce": "softmax", "poisson": "exponential"}

_IN_UNIT_INTERVAL = ("sigmoid", "hard_sigmoid")
_POSITIVE = ("exponential", "softplus", "sigmoid", "relu")


def attach_loss(
    plan: Plan,
    loss: losses.Loss | str,
    *,
    target: Literal["dense", "index"] = "dense",
    absorb: bool = True,
    scale: float = 1.0,
    ceiling: float = math.inf,
) -> Plan:
    """A training plan: `plan` with the loss at its end.

    Parameters
    ----------
    plan : a lowered network
    loss : name or object
    target : "dense" for targets (rows, ..., outputs), "index" for integer classes (rows, ...), after a `Softmax` of
        several groups (rows, ..., groups)
    absorb : let the loss start before a final sigmoid, softmax or exponential it fits
    scale : factor of the batch loss and its gradient, such as the number of outputs for a sum over them
    ceiling : the most one output (one row of categorical cross-entropy) counts in a cross-entropy; see `ops.Loss`

    Raises
    ------
    ValueError
        when the loss does not fit the network's output; the message names the loss or layer that does.
    """
    loss = losses.resolve(loss)
    output = plan.values[plan.output]
    if target not in ("dense", "index"):
        raise ValueError(f"target must be 'dense' or 'index', got {target!r}")
    if target == "index" and loss.kind != "cce":
        raise ValueError(
            f"loss {loss.kind!r} needs targets of shape (rows, {output.size}), not class numbers; "
            "use 'categorical_crossentropy' for one class out of several"
        )
    final = final_function(plan)
    _check_pairing(loss.kind, final, output.shape[-1])
    groups = groups_of(plan) if loss.kind == "cce" else ()
    prediction, link = plan.output, "identity"
    last = _producer(plan, plan.output)
    sampled = isinstance(last, ops.Activation) and last.training_only  # what it reads is no logit in inference
    if absorb and not sampled and ABSORBED.get(loss.kind) == final:
        prediction, link = _producer(plan, plan.output).inputs[0], final
    attached = plan.with_loss(
        ops.Loss(
            kind=loss.kind,
            prediction=prediction,
            link=link,
            parameter=loss.parameter,
            label_smoothing=loss.smoothing,
            label_noise=loss.label_noise,
            scale=scale,
            ceiling=ceiling,
            target=target,
            groups=groups,
        )
    )
    validate(attached)
    return attached


def final_function(plan: Plan) -> str:
    """The name of the function that makes the plan's output: an activation, "softmax", or "linear" for any other op."""
    op = _producer(plan, plan.output)
    if isinstance(op, ops.Activation):
        return op.function
    return "softmax" if isinstance(op, ops.Softmax) else "linear"


def groups_of(plan: Plan) -> tuple[int, ...]:
    """Return the sizes of the groups of classes that the plan's final softmax has; () for one, or for no softmax."""
    op = _producer(plan, plan.output)
    return op.groups if isinstance(op, ops.Softmax) else ()


def _producer(plan: Plan, value: int) -> ops.Op:
    for op in plan.ops:
        if op.output == value:
            return op
    raise ValueError("the plan has no ops, so a loss has nothing to train; add a layer")


def _check_pairing(kind: str, final: str, outputs: int) -> None:
    """Refuse a loss that the output cannot serve, naming what fits."""
    remedy = _remedy(kind, final, outputs)
    if remedy:
        raise ValueError(f"loss {kind!r} does not fit a network that ends in {final}: {remedy}")


def _remedy(kind: str, final: str, outputs: int) -> str | None:
    if kind == "cce":
        if outputs < 2:
            return "it needs two outputs or more; for two classes use Dense(1), Sigmoid() and 'binary_crossentropy'"
        if final == "sigmoid":
            return "end with Softmax() for one class out of several, or use 'binary_crossentropy' for several labels"
        return None if final == "softmax" else "it needs probabilities that sum to 1; end with Softmax()"
    if final == "softmax":
        other = "; for a regression end with Dense alone" if kind not in ("bce", "hinge") else ""
        return f"probabilities of classes need the loss 'categorical_crossentropy'{other}"
    if kind == "bce" and final not in _IN_UNIT_INTERVAL:
        return "it needs probabilities; end with Sigmoid()"
    if kind == "hinge" and final not in ("linear", "tanh"):
        return "it needs scores of both signs; end with Dense alone, or use 'binary_crossentropy' after Sigmoid()"
    if kind == "poisson" and final not in _POSITIVE:
        return "it needs positive predictions; end with Exponential() or Softplus()"
    return None
