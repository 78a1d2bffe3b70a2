"""How well the network fits: too little, or the training rows only."""

from __future__ import annotations

import numpy as np

from descend.training.diagnosis.course import FEW, STALLED
from descend.training.diagnosis.evidence import explained, falls_steadily, losses
from descend.training.diagnosis.finding import Finding
from descend.training.history import History

#: What training rows and validation rows are explained by the kept weights may differ by this share of the loss of a
#: constant prediction. Measured like this, an error of 0.01 against 0.03 is no gap, whatever its ratio. The recipe of
#: `descend train` was found at up to 0.12 (diabetes, 283 rows).
GAP = 0.25
#: With best weights kept, the gap at the end of the run (which early stopping waited through) counts only if it is this
#: wide and the kept weights explain less than `LITTLE` of the validation rows.
LOST, LITTLE = 0.5, 0.2
#: Share of a constant prediction's loss that a network should at least do away with.
EXPLAINED = 0.1


def overfitting(history: History) -> list[Finding]:
    """Validation rows that are explained much worse than training rows by the weights that were kept."""
    loss, validation = losses(history), np.asarray(history.val_loss)
    known = np.flatnonzero(np.isfinite(validation))
    if not len(known):
        return []
    last = int(known[-1])
    kept = history.epoch.index(history.best_epoch) if history.best_epoch in history.epoch else last
    cure = "use more rows, Dropout, weight_decay or a smaller network"
    cure += "" if history.best_epoch is not None else ", or keep the best weights (restore_best=True)"
    seen, unseen = (explained(history, column[kept]) for column in (loss, validation))
    message = (
        f"the network explains {_share(seen)} of the training rows' loss but {_share(unseen)} of the validation rows'"
    )
    evidence = {"training": seen, "validation": unseen, "epoch": float(history.epoch[kept]), "threshold": GAP}
    if seen > 0 and seen - unseen > GAP:
        severity = "critical" if unseen < 0 else "warning"
        return [Finding("overfitting", severity, message, cure, None, evidence)]
    at_end = explained(history, loss[last])
    if at_end > LOST and at_end - explained(history, validation[last]) > LOST and unseen < LITTLE:
        message = (
            f"the network went on to explain {_share(at_end)} of the training rows' loss, but never more than "
            f"{_share(unseen)} of the validation rows' (epoch {history.epoch[kept]})"
        )
        return [Finding("overfitting", "warning", message, cure, None, {**evidence, "training": at_end})]
    return []


def underfitting(history: History) -> list[Finding]:
    """A training loss that came to rest hardly below that of a constant prediction."""
    loss = losses(history)
    if len(loss) < FEW or falls_steadily(loss) or history.stop_reason == "diverged":
        return []
    share = explained(history, loss.min())
    fall = float((loss[0] - loss.min()) / abs(loss[0])) if loss[0] else 0.0
    if not share < EXPLAINED or fall < STALLED:
        return []
    message = f"the network explains only {_share(max(share, 0.0))} of the training rows' loss"
    cure = "use more layers or units, less dropout and weight decay, another learning rate, or features that tell more"
    return [Finding("underfitting", "warning", message, cure, None, {"explained": share, "threshold": EXPLAINED})]


def _share(value: float) -> str:
    return "less than nothing" if value < 0 else f"{value:.0%}"
