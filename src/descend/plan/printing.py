"""The printed form of a plan: one line per op, then the parameters' slices, then the loss."""

from __future__ import annotations

import functools
import math

from descend.plan import ops
from descend.plan.plan import Parameter, Plan


def format_plan(plan: Plan) -> str:
    """A plan as text.

    Each op reads ``%out (shape) = op(%in, parameters) settings  # name``; a shape leaves out the rows, and a
    parameter is printed without the op's name in front.
    """
    source = plan.values[plan.input]
    rows = [(f"%{source.id} {_shape(source.shape)}", "= input", "")]
    for op in plan.ops:
        value = plan.values[op.output]
        rows.append((f"%{value.id} {_shape(value.shape)}", f"= {_call(op, plan)}", op.name))
    if plan.loss is not None:
        rows.append(("loss", f"= {_format_loss(plan.loss)}", ""))
    rows.append((f"return %{plan.output}", "", ""))
    left = max(len(row[0]) for row in rows)
    middle = max(len(row[1]) for row in rows)
    lines = [f"{a:<{left}} {b:<{middle}}  {'# ' + c if c else ''}".rstrip() for a, b, c in rows]
    return "\n".join([*lines, "", *_format_parameters(plan)]) + "\n"


def _shape(shape: tuple[int, ...]) -> str:
    return "(" + ", ".join(map(str, shape)) + ")"


def _call(op: ops.Op, plan: Plan) -> str:
    name, used, settings = describe_op(op)
    arguments = [f"%{value}" for value in op.inputs]
    arguments += [plan.parameters[index].name.removeprefix(f"{op.name}/") for index in used if index is not None]
    return f"{name}({', '.join(arguments)}){' ' + settings if settings else ''}"


def parameters_of(op: ops.Op, plan: Plan) -> list[Parameter]:
    """The parameters that an op uses."""
    return [plan.parameters[index] for index in describe_op(op)[1] if index is not None]


@functools.singledispatch
def describe_op(op: ops.Op) -> tuple[str, tuple[int | None, ...], str]:
    """(name, ids of the parameters used, settings as text) of an op."""
    return type(op).__name__.lower(), (), ""


@describe_op.register
def _(op: ops.Dense) -> tuple[str, tuple[int | None, ...], str]:
    drop, settings = op.drop_connect, "transposed" if op.transposed else ""
    if drop is not None:
        settings = f"drop_connect={drop.rate:g} stream={drop.stream}"
        settings += f" samples={drop.samples} of {drop.function}" if drop.samples else ""
    return "dense", (op.weight, op.bias), settings


@describe_op.register
def _(op: ops.BatchNorm) -> tuple[str, tuple[int | None, ...], str]:
    used = (op.gamma, op.beta, op.running_mean, op.running_variance)
    settings = "frozen" if op.frozen else f"momentum={op.momentum:g}"
    return "batch_norm", used, f"{settings} epsilon={op.epsilon:g}"


@describe_op.register
def _(op: ops.LayerNorm) -> tuple[str, tuple[int | None, ...], str]:
    return "layer_norm", (op.gamma, op.beta), f"epsilon={op.epsilon:g}"


@describe_op.register
def _(op: ops.Activation) -> tuple[str, tuple[int | None, ...], str]:
    settings = [f"alpha={op.alpha:g}"] if op.alpha else []
    return op.function, (), " ".join([*settings, "training_only"] if op.training_only else settings)


@describe_op.register
def _(op: ops.PReLU) -> tuple[str, tuple[int | None, ...], str]:
    return "prelu", (op.slope,), ""


@describe_op.register
def _(op: ops.Embedding) -> tuple[str, tuple[int | None, ...], str]:
    levels = op.levels[0] if len(set(op.levels)) == 1 else list(op.levels)
    first, last = op.columns[0], op.columns[-1]
    is_range = len(op.columns) > 2 and op.columns == tuple(range(first, last + 1))
    columns = f"{first}..{last}" if is_range else list(op.columns)
    return "embedding", (op.weight,), f"columns={columns} levels={levels}"


@describe_op.register
def _(op: ops.Softmax) -> tuple[str, tuple[int | None, ...], str]:
    return "softmax", (), f"groups={op.groups}" if op.groups else ""


@describe_op.register
def _(op: ops.Dropout) -> tuple[str, tuple[int | None, ...], str]:
    return "dropout", (), f"rate={op.rate:g} stream={op.stream}" + (" whole channels" if op.whole else "")


@describe_op.register
def _(op: ops.GaussianNoise) -> tuple[str, tuple[int | None, ...], str]:
    return "gaussian_noise", (), f"deviation={op.deviation:g} stream={op.stream}"


def _format_loss(loss: ops.Loss) -> str:
    start = f"%{loss.prediction}" if loss.link == "identity" else f"{loss.link}(%{loss.prediction})"
    settings = f" parameter={loss.parameter:g}" if loss.parameter else ""
    settings += f" label_smoothing={loss.label_smoothing:g}" if loss.label_smoothing else ""
    settings += f" label_noise={loss.label_noise:g}" if loss.label_noise else ""
    settings += f" groups={loss.groups}" if loss.groups else ""
    settings += f" scale={loss.scale:g}" if loss.scale != 1 else ""
    settings += f" ceiling={loss.ceiling:g}" if loss.ceiling < math.inf else ""
    return f"{loss.kind}({start}, {loss.target} target){settings}"


def _format_parameters(plan: Plan) -> list[str]:
    trained = sum(parameter.size for parameter in plan.parameters if parameter.trainable)
    header = f"{plan.size:,} parameters, {trained:,} trained"
    if not plan.parameters:
        return [header]
    rows = [
        (f"[{p.offset}:{p.offset + p.size}]", p.name, _shape(p.shape), type(p.initializer).__name__, _notes(p))
        for p in plan.parameters
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return [header, *("  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)]


def _notes(parameter: Parameter) -> str:
    notes = [] if parameter.trainable else ["not trained"]
    if parameter.penalty is not None:
        notes.append(repr(parameter.penalty) + (" spread" if parameter.penalty.spread else ""))
    if parameter.max_norm is not None:
        notes.append(f"max_norm={parameter.max_norm:g}")
    return ", ".join(notes)
