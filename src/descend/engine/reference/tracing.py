"""Collects every intermediate of one forward and backward pass by name."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from descend.engine.reference import interpreter, penalties
from descend.engine.reference.context import Array, Context


def collect(context: Context, x: Array, y: NDArray | None, weight: Array | None) -> dict[str, Array]:
    """Run forward, and backward when the plan has a loss; see `ReferenceEngine.trace` for the names."""
    plan = context.plan
    done = interpreter.forward(context, x)
    found: dict[str, Array] = {plan.values[plan.input].name: x}
    for op in plan.ops:
        read = [done.values[value] for value in op.inputs]
        for key, array in done.saved[op.name].items():
            # What an op keeps of its input or output is there under the value's own name.
            if not any(array is known for known in (*read, done.values[op.output])):
                found[f"{op.name}/{key}"] = array
        found[plan.values[op.output].name] = done.values[op.output]
    if plan.loss is None or y is None:
        return found
    loss, start = interpreter.loss_and_gradient(context, done, y, weight)
    found["loss"] = np.asarray(loss + penalties.value(context))
    gradients = interpreter.backward(context, done, start)
    by_name = {parameter.name: parameter for parameter in plan.parameters if parameter.trainable}
    for value, gradient in gradients.items():
        found[f"gradient/{plan.values[value].name}"] = gradient
        for name, parameter in by_name.items():
            if name.startswith(f"{plan.values[value].name}/"):
                found[f"gradient/{name}"] = context.gradient[parameter.slice].reshape(parameter.shape)
    return found
