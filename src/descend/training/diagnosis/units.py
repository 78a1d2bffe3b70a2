"""Units that do not take part, dead or saturated ones, and batch statistics of too few rows."""

from __future__ import annotations

from descend.training.diagnosis.evidence import feeding, latest, monitor_of, rate_text, setup_of
from descend.training.diagnosis.finding import Finding
from descend.training.history import History
from descend.wording import counted

#: Share of a layer's units that fire on none of the monitor's rows. Stanford's CS231n names 40% as what a learning rate
#: set too high can lead to; healthy networks were found below 25%.
DEAD = 0.4
#: Share of a hidden layer's outputs whose slope is under 5% of the largest, so that hardly any gradient passes (Glorot
#: and Bengio, 2010). Trained tanh networks of two features were found at up to 0.4.
SATURATED = 0.6
#: Rows per batch below which batch statistics get noisy: the error of batch normalization grows from 16 rows downwards
#: (Wu and He, Group Normalization, 2018, figure 1).
NORMALIZED_ROWS = 16

#: Activations that saturate on both sides.
_SQUASHING = ("sigmoid", "tanh", "hard_sigmoid")


def dead_units(history: History) -> list[Finding]:
    """ReLU layers of which a large part fires on no row, at the last measurement."""
    found = []
    units = {name: count for name, _, count in setup_of(history).layers}
    for name, column in monitor_of(history).dead.items():
        share = latest(column)
        if not share >= DEAD:
            continue
        from_start = column[0] >= share / 2
        cure = (
            "start from smaller weights (weight_initializer='he_normal'), standardize the features, or use LeakyReLU"
            if from_start
            else f"lower the learning rate{rate_text(history)}, or use LeakyReLU"
        )
        found.append(
            Finding(
                "dead_units",
                "critical" if share > 0.9 else "warning",
                f"{share:.0%} of the {units.get(name, 0):,} units of {feeding(history, name)} never fire",
                cure,
                feeding(history, name),
                {"share": share, "at_first": column[0], "threshold": DEAD},
            )
        )
    return found


def saturated_units(history: History) -> list[Finding]:
    """Hidden sigmoid or tanh layers whose outputs mostly lie at their limits, at the last measurement."""
    setup, record, found = setup_of(history), monitor_of(history), []
    for name, kind, _ in setup.layers[:-1]:
        if kind not in _SQUASHING or name not in record.saturated:
            continue
        share, first = latest(record.saturated[name]), record.saturated[name][0]
        if not share >= SATURATED:
            continue
        cure = (
            "start from smaller weights (the default initializer), or standardize the features"
            if first >= share / 2
            else f"lower the learning rate{rate_text(history)}, penalize large weights, or put BatchNorm before it"
        )
        found.append(
            Finding(
                "saturated_units",
                "critical" if share > 0.95 else "warning",
                f"{share:.0%} of the outputs of {name} lie at the limits of {kind}, where its slope is next to nothing",
                cure,
                name,
                {"share": share, "at_first": first, "threshold": SATURATED},
            )
        )
    return found


def small_batches_for_batch_norm(history: History) -> list[Finding]:
    """Batch normalization over few rows."""
    setup = setup_of(history)
    layer = next((name for name, kind, _ in setup.layers if kind == "BatchNorm"), None)
    if layer is None or setup.batch_size >= NORMALIZED_ROWS:
        return []
    message = f"{layer} takes its statistics from batches of {counted(setup.batch_size, 'row')}"
    cure = "raise batch_size to 32 or more, or use LayerNorm, which does not depend on the batch"
    evidence = {"batch_size": float(setup.batch_size), "threshold": float(NORMALIZED_ROWS)}
    return [Finding("small_batches_for_batch_norm", "warning", message, cure, layer, evidence)]
