"""A diagnosis in the words of the command line: its options as remedies, its classes by name."""

from __future__ import annotations

from dataclasses import replace

from descend.data.targets import ClassTarget, Target
from descend.training.diagnosis import Diagnosis, Finding

#: What to try, where the command has options for it; other remedies stay in the library's words.
_REMEDIES = {
    "learning_rate_too_high": "use a smaller --lr than {rate:g}",
    "learning_rate_too_low": "use a larger --lr than {rate:g}, or more --epochs",
    "exploding_gradients": "use a smaller --lr than {rate:g}",
    "dead_units": "use a smaller --lr than {rate:g}, or more --hidden units",
    "stalled_loss": "check that the columns tell something about the target, then try another --lr than {rate:g}",
    "noisy_loss": "use a smaller --lr than {rate:g}, or a larger --batch-size than {batch}",
    "underfitting": "use more --hidden units, less --dropout or --weight-decay, or columns that tell more",
    "overfitting": "use more rows, fewer --hidden units, or more --dropout or --weight-decay",
    "label_imbalance": "judge by balanced accuracy and ROC AUC, or train in Python with class_weight='balanced'",
}
#: Instead of those, where the rows are no table: there --hidden is no option, and nothing has columns.
_OF_ARRAYS = {
    "dead_units": "use a smaller --lr than {rate:g}, or another --network",
    "stalled_loss": "check that the rows tell something about the target, then try another --lr than {rate:g}",
    "underfitting": "use another --network, more --epochs, or less --dropout or --weight-decay",
    "overfitting": "use more rows, {augment}another --network, or more --dropout or --weight-decay",
}


def in_our_words(diagnosis: Diagnosis, target: Target, rate: float, batch: int, form: str = "table") -> Diagnosis:
    """Return the diagnosis with remedies as options and classes by name.

    Parameters
    ----------
    diagnosis : Diagnosis
    target : Target
    rate : float
        The highest learning rate.
    batch : int
        Rows per update.
    form : {"table", "image", "sequence", "text"}
        What the rows are.
    """
    words = _REMEDIES if form == "table" else _REMEDIES | _OF_ARRAYS
    augment = "" if form == "text" else "--augment, "

    def remedy(finding: Finding) -> str:
        return words.get(finding.name, finding.remedy).format(rate=rate, batch=batch, augment=augment)

    found = tuple(replace(one, message=_by_name(one, target), remedy=remedy(one)) for one in diagnosis)
    return replace(diagnosis, findings=found)


def _by_name(finding: Finding, target: Target) -> str:
    """The finding's message with the class's name for its number."""
    message = finding.message
    if finding.name == "label_imbalance" and isinstance(target, ClassTarget):
        number = int(finding.evidence["class"])
        message = message.replace(f"class {number} ", f"class {target.classes[number]!r} ", 1)
    return message
