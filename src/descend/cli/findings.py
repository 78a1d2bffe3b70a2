"""A diagnosis in the words of the command line: its options as remedies, its classes by name, and a look at whether
the network does better on the test rows than a model that ignores the features, and no worse than a linear one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from descend.cli.baselines import LINEAR, OURS, Lead, trivial_name
from descend.cli.scoring import ACCURACY, LOG_LOSS, RMSE, Scores
from descend.cli.show import number
from descend.data.targets import ClassTarget, Target, TaskKind
from descend.training.diagnosis import Diagnosis, Finding
from descend.training.diagnosis.finding import SEVERITIES

#: The names of the findings that look at test rows.
NO_BETTER, BEHIND = "no_better_than_baseline", "worse_than_linear"
#: The linear model is clearly better when it is ahead by this many standard errors of the difference, and by this share
#: of its loss.
LEAD_ERRORS, LEAD_SHARE = 2.0, 0.05

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


def beside_baseline(
    diagnosis: Diagnosis, task: TaskKind, scores: Mapping[str, Scores], form: str = "table"
) -> Diagnosis:
    """Return the diagnosis with a check of the test scores against those of the model that ignores the features.

    What training minimizes decides: the log loss of classes, the squared error of numbers. A network that loses by it,
    but names more classes right, is too sure of them; the others have learnt nothing that holds for new rows.

    Parameters
    ----------
    diagnosis : Diagnosis
    task : {"binary", "multiclass", "regression"}
    scores : dict of str to Scores
        Of the network and of that model, on the test rows.
    form : {"table", "image", "sequence", "text"}
        What the rows are.
    """
    ours, theirs = scores[OURS], scores[trivial_name(task)]
    measure = RMSE if task == "regression" else LOG_LOSS
    mine, trivial = ours[measure.name], theirs[measure.name]
    if mine is None or trivial is None:
        reason = f"since the {measure.label} is not a number"
        return replace(diagnosis, unchecked={**diagnosis.unchecked, NO_BETTER: reason})
    checked = replace(diagnosis, checked=(*diagnosis.checked, NO_BETTER))
    if mine < trivial:
        return checked
    hits, trivial_hits = ours.get(ACCURACY.name) or 0.0, theirs.get(ACCURACY.name) or 0.0
    message = (
        f"on the test rows the network is no better than {trivial_name(task)!r}, with a {measure.label} of "
        f"{number(mine)} against {number(trivial)}"
    )
    evidence = {measure.name: mine, "baseline": trivial}
    if task != "regression" and hits > trivial_hits:
        message += f", although its accuracy is {number(hits)} against {number(trivial_hits)}"
        cure = "take its classes, but not its probabilities, or use more rows, more --dropout or --weight-decay"
        finding = Finding(NO_BETTER, "warning", message, cure, None, evidence)
    else:
        told = "columns that tell" if form == "table" else f"{form}s that tell"
        cure = f"do not use its predictions as it is; use more rows, or {told} more about the target"
        finding = Finding(NO_BETTER, "critical", message, cure, None, evidence)
    return _with(checked, finding)


def beside_linear(
    diagnosis: Diagnosis,
    task: TaskKind,
    scores: Mapping[str, Scores],
    lead: Lead | None,
    form: str = "table",
    *,
    is_linear: bool = False,
) -> Diagnosis:
    """Return the diagnosis with a check of whether the linear model is clearly better on the test rows.

    That is, better than the network by more than chance gives and by enough to matter, and better than the model that
    ignores the features.

    Parameters
    ----------
    diagnosis : Diagnosis
    task : {"binary", "multiclass", "regression"}
    scores : dict of str to Scores
        Of the three models on the test rows.
    lead : Lead or None
    form : {"table", "image", "sequence", "text"}
        What the rows are.
    is_linear : bool
        Whether the network has no hidden layer.
    """
    measure = RMSE if task == "regression" else LOG_LOSS
    mine, line, trivial = (scores[name][measure.name] for name in (OURS, LINEAR, trivial_name(task)))
    if lead is None or mine is None or line is None or trivial is None:
        reason = "since the record holds no comparison with the linear model row by row"
        return replace(diagnosis, unchecked={**diagnosis.unchecked, BEHIND: reason})
    checked = replace(diagnosis, checked=(*diagnosis.checked, BEHIND))
    if lead.mean <= max(LEAD_ERRORS * lead.standard_error, LEAD_SHARE * lead.loss) or line >= trivial:
        return checked
    message = (
        f"on the test rows the linear model is clearly better than the network, with a {measure.label} of "
        f"{number(line)} against {number(mine)}"
    )
    model = "Ridge" if task == "regression" else "LogisticRegression"
    other = (
        "another --network" if form != "table" else "another --lr or more --epochs" if is_linear else "--hidden none"
    )
    cure = f"use the linear model (scikit-learn's {model}), or try {other}, or more rows"
    errors = lead.mean / lead.standard_error if lead.standard_error > 0 else math.inf
    evidence = {"linear": line, measure.name: mine, "lead_in_standard_errors": errors}
    return _with(checked, Finding(BEHIND, "warning", message, cure, None, evidence))


def _with(diagnosis: Diagnosis, finding: Finding) -> Diagnosis:
    """The diagnosis with one finding more, the most severe first."""
    found = sorted([finding, *diagnosis], key=lambda one: SEVERITIES.index(one.severity))
    return replace(diagnosis, findings=tuple(found))


def _by_name(finding: Finding, target: Target) -> str:
    """The finding's message with the class's name for its number."""
    message = finding.message
    if finding.name == "label_imbalance" and isinstance(target, ClassTarget):
        number = int(finding.evidence["class"])
        message = message.replace(f"class {number} ", f"class {target.classes[number]!r} ", 1)
    return message
