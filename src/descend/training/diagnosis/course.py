"""What the course of the losses and the size of the updates tell: rates that do not fit, stalls, noise."""

from __future__ import annotations

import math

import numpy as np

from descend.training.diagnosis.evidence import (
    baseline,
    end_of,
    explained,
    falls_steadily,
    losses,
    middle,
    rate_text,
    setup_of,
    weight_layers,
)
from descend.training.diagnosis.finding import Finding
from descend.training.history import History

#: An update moves the weights by about 0.001 of their norm where training goes well (Stanford's CS231n, "Ratio of
#: weights:updates"). With Adam's default rate healthy networks were found from 0.0002 to 0.003, and what is ten times
#: outside still learns, so the alarms are set further off.
RATIO_TOO_HIGH, RATIO_TOO_LOW = 0.2, 1e-5
#: The loss at the end over that of the first epoch, from which training made it worse.
RISEN = 1.05
#: The share of the first epoch's loss by which a run of steadily falling losses fell: less is a crawl.
CRAWLED = 0.2
#: The same for a loss that does not move at all.
STALLED = 0.02
#: The loss's jitter from epoch to epoch, as a share of the loss of a constant prediction: below it curves look smooth.
NOISY = 0.05
#: Epochs that a judgement of the course needs.
FEW = 5
#: Share of the baseline explained, from which a network counts as having learnt whatever its course.
LEARNT = 0.5


def learning_rate_too_high(history: History) -> list[Finding]:
    """A loss that diverged, rose, or stayed above a constant prediction's; or updates that throw the weights about."""
    name, loss = "learning_rate_too_high", losses(history)
    cure = f"lower the learning rate{rate_text(history)}, or clip the gradient with clip_norm=1.0"
    if history.stop_reason == "diverged":
        done = len(loss)
        message = f"the loss became infinite or NaN after {done} epoch{'s' * (done != 1)}"
        return [Finding(name, "critical", message, cure, None, {"epochs": float(done)})]
    if len(loss) < 2:
        return []
    end, left = end_of(loss), explained(history, end_of(loss))
    if len(loss) >= FEW and end > RISEN * loss[0] and not left > LEARNT:
        message = f"the training loss rose from {loss[0]:.3g} to {end:.3g}"
        return [Finding(name, "critical", message, cure, None, {"first": loss[0], "end": end, "threshold": RISEN})]
    ratio, layer = _largest_ratio(history)
    if ratio > RATIO_TOO_HIGH and not left > LEARNT:
        message = f"an update changes the weights of {layer} by {ratio:.0%} of their norm (0.1% is usual)"
        return [Finding(name, "warning", message, cure, layer, {"update_ratio": ratio, "threshold": RATIO_TOO_HIGH})]
    return []


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
    jitter = float(np.std(steps) / math.sqrt(2) / base)
    turns = float((steps[1:] * steps[:-1] < 0).mean())
    if jitter <= NOISY or turns < 1 / 3:
        return []
    setup = setup_of(history)
    message = f"the training loss jumps up and down by {jitter:.0%} of a constant prediction's loss from epoch to epoch"
    larger = f"raise batch_size from {setup.batch_size}" if setup.batch_size < setup.rows else "smooth the loss"
    cure = f"lower the learning rate{rate_text(history)} or let it fall (schedules.Cosine), or {larger}"
    return [Finding("noisy_loss", "warning", message, cure, None, {"jitter": jitter, "threshold": NOISY})]


def _largest_ratio(history: History) -> tuple[float, str]:
    """The layer that updates move the most, and its median ratio in the second half; NaN without a monitor."""
    if history.monitor is None or not len(history.monitor) or history.setup is None:
        return math.nan, ""
    half = len(history.monitor) // 2
    ratios = [(middle(history.monitor.update_ratio[name], half), name) for name in weight_layers(history)]
    return max((pair for pair in ratios if not math.isnan(pair[0])), default=(math.nan, ""))


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 else "under 0.1%"
