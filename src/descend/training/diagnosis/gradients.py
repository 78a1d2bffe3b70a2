"""Gradients that vanish or explode on their way back through the layers, or while training goes on."""

from __future__ import annotations

import math

import numpy as np

from descend.training.diagnosis.course import FEW, LEARNT
from descend.training.diagnosis.evidence import (
    baseline,
    explained,
    losses,
    middle,
    monitor_of,
    rate_text,
    setup_of,
    times,
    weight_layers,
)
from descend.training.diagnosis.finding import Finding
from descend.training.history import History
from descend.training.remedies import either, smaller_updates

#: A layer whose gradient is so much smaller than that of a later layer hardly learns by plain descent. Layers of
#: sigmoids each take away three quarters or more (Hochreiter, 1991; Glorot and Bengio, 2010): five of them pass this.
#: In healthy networks of a few layers the ratio was found from 0.006 to 4.
VANISHED = 1e-3
#: The same the other way round (Pascanu, Mikolov and Bengio, 2013).
EXPLODED = 1e3
#: A gradient grown so much since the first update: gradients are largest at first and fall while the network learns. It
#: must also be larger than the loss of a constant prediction, so that growth from next to nothing does not count.
GROWN = 100.0
#: Steps over which the gradient of a plain recurrent layer is lost: what lies more than 10 or 20 back is hardly learnt
#: (Bengio, Simard and Frasconi, Learning long-term dependencies with gradient descent is difficult, 1994).
LONG = 40


def vanishing_gradients(history: History) -> list[Finding]:
    """The median over the measurements of a layer's gradient norm, over the largest of the later layers'."""
    record, names = monitor_of(history), weight_layers(history)
    if len(names) < 2:
        return []
    norms = np.array([record.gradient_norm[name] for name in names])  # (layers, measurements)
    found = []
    for i, name in enumerate(names[:-1]):
        later = norms[i + 1 :].max(axis=0)
        alive = (norms[i] > 0) & (later > 0)
        if alive.any():
            found.append((float(np.median(norms[i][alive] / later[alive])), name))
    if not found or min(found)[0] >= VANISHED:
        return []
    ratio, name = min(found)
    squashing = {kind for _, kind, _ in setup_of(history).layers[:-1]} & {"sigmoid", "tanh", "hard_sigmoid"}
    cure = "use ReLU instead of " + " and ".join(sorted(squashing)) if squashing else "use fewer layers"
    return [
        Finding(
            "vanishing_gradients",
            "critical" if ratio < VANISHED / 100 else "warning",
            f"the gradient of {name} is {times(1 / ratio)} times smaller than that of a later layer",
            f"{cure}, put BatchNorm after the layers with weights, or let the initializer fit the activation",
            name,
            {"ratio": ratio, "threshold": VANISHED},
        )
    ]


def vanishing_through_time(history: History) -> list[Finding]:
    """A plain recurrent layer over many steps in a network that has learnt next to nothing."""
    setup, loss = setup_of(history), losses(history)
    name = next((name for name, kind, _ in setup.layers if kind == "rnn"), None)
    if name is None or setup.steps < LONG or len(loss) < FEW:
        return []
    share = explained(history, float(np.nanmin(loss)))
    if not share < LEARNT / 2:
        return []
    message = (
        f"{name} goes along {setup.steps} steps, over which a plain recurrent layer's gradient vanishes, and the "
        f"network explains {max(share, 0.0):.0%} of the training rows' loss"
    )
    cure = "use layers.LSTM or layers.GRU, shorten the sequences, or let convolutions with strides come first"
    evidence = {"steps": float(setup.steps), "explained": share, "threshold": float(LONG)}
    return [Finding("vanishing_through_time", "warning", message, cure, name, evidence)]


def exploding_gradients(history: History) -> list[Finding]:
    """Gradients that grow from the last layer to the first, or from the first measurement to a later one."""
    record, names = monitor_of(history), weight_layers(history)
    if not names:
        return []
    norms = np.array([record.gradient_norm[name] for name in names])
    cure = either([*smaller_updates(setup_of(history), rate_text(history)), "start from smaller weights"])
    last = middle(norms[-1].tolist())
    ratio, name = max(
        (middle(row.tolist()) / last if last > 0 else 0.0, name) for row, name in zip(norms, names, strict=True)
    )
    if ratio > EXPLODED and setup_of(history).input_rms[1] < EXPLODED / 10:
        message = f"the gradient of {name} is {times(ratio)} times larger than that of the last layer"
        evidence = {"ratio": ratio, "threshold": EXPLODED}
        return [Finding("exploding_gradients", "critical", message, cure, name, evidence)]
    total = np.sqrt((norms * norms).sum(axis=0))
    most = int(np.nanargmax(total)) if not np.isnan(total).all() else 0
    growth = float(total[most] / total[0]) if total[0] > 0 else math.nan
    if growth > GROWN and total[most] > (baseline(history) or 0.0):
        message = f"the gradient grew {times(growth)} times from the first update to update {record.step[most]:,}"
        evidence = {"growth": growth, "step": float(record.step[most]), "threshold": GROWN}
        return [Finding("exploding_gradients", "critical", message, cure, None, evidence)]
    return []
