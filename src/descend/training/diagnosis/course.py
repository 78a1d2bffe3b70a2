"""What the course of the losses and the size of the updates tell: rates that do not fit, stalls, noise."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from descend.training.diagnosis.evidence import (
    baseline,
    end_of,
    explained,
    falls_steadily,
    latest,
    losses,
    middle,
    monitor_of,
    rate_text,
    setup_of,
    start_of,
    times,
    weight_layers,
)
from descend.training.diagnosis.finding import Finding, Severity
from descend.training.history import History
from descend.training.remedies import STANDARDIZE, either, smaller_updates

#: An update moves the weights by about 0.001 of their norm where training goes well (Stanford's CS231n, "Ratio of
#: weights:updates"). With Adam's default rate healthy networks were found from 0.0002 to 0.003, and what is ten times
#: outside still learns, so the alarms are set further off.
RATIO_TOO_HIGH, RATIO_TOO_LOW = 0.2, 1e-5
#: Weights of which less is left have gone: nothing was there to learn, or penalties took them, and any step is large.
SHRUNK = 0.5
#: The loss at the end over that of the first epoch, from which training made it worse.
RISEN = 1.05
#: The share of the first epoch's loss by which a run of steadily falling losses fell: less is a crawl.
CRAWLED = 0.2
#: The same for a loss that does not move at all.
STALLED = 0.02
#: The loss's jitter from epoch to epoch, as a share of the loss of a constant prediction: below it curves look smooth.
NOISY = 0.05
#: The loss of an epoch over that before the first update, from which updates went much too far.
THROWN = 10.0
#: Share of the baseline explained, from which that did no harm.
RECOVERED = 0.9
#: The loss before the first update over that of a constant prediction, from which the first weights may be too large.
LARGE = 100.0
#: The loss at the end over that before the first update, which noise of the size usual in training does not make.
ABOVE = 1.1
#: In place of RISEN and ABOVE where dropout, noise or augmentation make the loss itself jump.
NOISE = 2.0
#: Epochs that a judgement of the course needs.
FEW = 5
#: Share of the baseline explained, from which a network counts as having learnt whatever its course.
LEARNT = 0.5


def learning_rate_too_high(history: History) -> list[Finding]:
    """A loss that diverged, rose, was thrown up or stayed above a constant prediction's; or updates too large."""
    for judge in (_diverged, _rose, _thrown_up, _stayed_above, _large_updates):
        found = judge(history)
        if found is not None:
            return [found]
    return []


def _too_high(
    history: History,
    message: str,
    evidence: dict[str, float],
    severity: Severity = "critical",
    layer: str | None = None,
    more: str = "",
) -> Finding:
    cure = either(smaller_updates(setup_of(history), rate_text(history)) or [STANDARDIZE])
    return Finding("learning_rate_too_high", severity, message, cure + more, layer, evidence)


def _diverged(history: History) -> Finding | None:
    if history.stop_reason != "diverged":
        return None
    done, first, base = len(history.loss), history.initial_loss, baseline(history)
    message, evidence = f"the loss became infinite or NaN in epoch {done + 1}", {"epochs": float(done)}
    if first is None or base is None or not first > LARGE * base:
        return _too_high(history, message, evidence)
    message += (
        f" (it was {first:.3g} before the first update, {times(first / base)} times that of a constant prediction)"
    )
    return _too_high(history, message, {**evidence, "first": first}, more=", or begin with smaller weights")


def _rose(history: History) -> Finding | None:
    loss = losses(history)
    if len(loss) < FEW:
        return None
    first, end = float(loss[0]), end_of(loss)
    margin = NOISE if setup_of(history).noisy else RISEN
    if not end > margin * first or explained(history, end) > LEARNT:
        return None
    evidence = {"first": first, "end": end, "threshold": margin}
    return _too_high(history, f"the training loss rose from {first:.3g} to {end:.3g}", evidence)


def _thrown_up(history: History) -> Finding | None:
    """A loss that was far above the one at the start, in a network that has not learnt well since."""
    loss = losses(history)
    if len(loss) < 2:
        return None
    highest, start, left = float(np.nanmax(loss)), start_of(history), explained(history, end_of(loss))
    if not highest > THROWN * start > 0 or left > RECOVERED:
        return None
    initial = history.initial_loss  # older files have none, and `start` is not always this
    if initial is None or start == history.loss[0]:
        origin = f"{start:.3g} in the first epoch"
    else:
        origin = f"{initial:.3g} before the first update"
    message = f"the training loss went up from {origin} to {highest:.3g}"
    message += f", and the network explains {left:.0%} of it at the end" if left > 0 else ""
    evidence = {"first": start, "highest": highest, "explained": left, "threshold": THROWN}
    return _too_high(history, message, evidence, "warning" if left > 0 else "critical")


def _stayed_above(history: History) -> Finding | None:
    """A loss that jumps up and down above that of a constant prediction and that of the start, without falling."""
    loss, base = losses(history), baseline(history)
    if len(loss) < FEW or base is None or setup_of(history).baseline is None:
        return None
    half = loss[len(loss) // 2 :]
    lowest, end, jitter = float(np.nanmin(loss)), end_of(loss), _jitter(half)
    margin = NOISE if setup_of(history).noisy else ABOVE
    if not (lowest > base and end > margin * start_of(history) and jitter > NOISY * end):
        return None
    if half[: -(-len(half) // 2)].mean() - end > jitter:  # it is on its way down
        return None
    message = f"the training loss jumps up and down around {end:.3g} and was never below a constant prediction's"
    message += f" of {base:.3g}"
    return _too_high(history, message, {"lowest": lowest, "end": end, "constant": base, "threshold": margin})


def _large_updates(history: History) -> Finding | None:
    loss = losses(history)
    ratio, layer = _largest_ratio(history)
    if len(loss) < 2 or not ratio > RATIO_TOO_HIGH or explained(history, end_of(loss)) > LEARNT:
        return None
    norm = monitor_of(history).weight_norm[layer]
    if latest(norm) < SHRUNK * norm[0]:
        return None
    message = f"an update changes the weights of {layer} by {ratio:.0%} of their norm (0.1% is usual)"
    evidence = {"update_ratio": ratio, "threshold": RATIO_TOO_HIGH}
    return _too_high(history, message, evidence, "warning", layer)


def learning_rate_too_low(history: History) -> list[Finding]:
    """A loss that falls with every epoch but hardly gets anywhere, or updates too small to change anything."""
    name, loss = "learning_rate_too_low", losses(history)
    if len(loss) < FEW or history.stop_reason == "diverged":
        return []
    fall = float((loss[0] - loss[-1]) / abs(loss[0])) if loss[0] else 0.0
    ratio, layer = _largest_ratio(history)
    if explained(history, loss[-1]) > LEARNT:
        return []
    cure = f"raise the learning rate{rate_text(history)} tenfold, or train for more epochs"
    if 0 < fall < CRAWLED and falls_steadily(loss):
        message = f"the training loss still falls with every epoch, but only by {_percent(fall)} in {len(loss)} epochs"
        return [Finding(name, "warning", message, cure, None, {"fall": fall, "threshold": CRAWLED})]
    if 0 < ratio < RATIO_TOO_LOW:
        message = f"an update changes the weights of {layer}, the most, by {ratio:.1g} of their norm (0.001 is usual)"
        return [Finding(name, "warning", message, cure, layer, {"update_ratio": ratio, "threshold": RATIO_TOO_LOW})]
    return []


def stalled_loss(history: History) -> list[Finding]:
    """A loss that stays where it was in the first epoch, far from explaining the targets."""
    loss = losses(history)
    if len(loss) < FEW or falls_steadily(loss) or not explained(history, loss.min()) < LEARNT / 2:
        return []
    fall = float((loss[0] - loss.min()) / abs(loss[0])) if loss[0] else 0.0
    if fall >= STALLED:
        return []
    message = (
        f"the training loss did not move in {len(loss)} epochs ({loss[0]:.4g} in the first, {loss[-1]:.4g} at the end)"
    )
    cure = "check that features and target belong together, then try another learning rate, initializer or activation"
    return [Finding("stalled_loss", "warning", message, cure, None, {"fall": fall, "threshold": STALLED})]


def noisy_loss(history: History) -> list[Finding]:
    """A training loss that jumps up and down from epoch to epoch in the second half of the run."""
    loss = losses(history)[len(history.loss) // 2 :]
    base = baseline(history)
    if len(loss) < FEW or base is None:
        return []
    steps = np.diff(loss)
    jitter = _jitter(loss) / base
    turns = float((steps[1:] * steps[:-1] < 0).mean())
    if jitter <= NOISY or turns < 1 / 3:
        return []
    setup = setup_of(history)
    message = f"the training loss jumps up and down by {jitter:.0%} of a constant prediction's loss from epoch to epoch"
    larger = f"raise batch_size from {setup.batch_size}" if setup.batch_size < setup.rows else "smooth the loss"
    cure = f"lower the learning rate{rate_text(history)} or let it fall (schedules.Cosine), or {larger}"
    return [Finding("noisy_loss", "warning", message, cure, None, {"jitter": jitter, "threshold": NOISY})]


def _jitter(loss: NDArray[np.float64]) -> float:
    """The deviation of a series from a smooth one."""
    return float(np.std(np.diff(loss)) / math.sqrt(2))


def _largest_ratio(history: History) -> tuple[float, str]:
    """The layer that updates move the most, and its median ratio in the second half; NaN without a monitor."""
    if history.monitor is None or not len(history.monitor) or history.setup is None:
        return math.nan, ""
    half = len(history.monitor) // 2
    ratios = [(middle(history.monitor.update_ratio[name], half), name) for name in weight_layers(history)]
    return max((pair for pair in ratios if not math.isnan(pair[0])), default=(math.nan, ""))


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 else "under 0.1%"
