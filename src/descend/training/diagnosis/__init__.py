"""What went wrong in a run, judged by its history: small pure functions over recorded evidence, one per illness.

Every threshold has a name, a reason and a source beside it. No data are looked at again and nothing is trained.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from descend.training.diagnosis import course, data, fitting, gradients, units
from descend.training.diagnosis.finding import SEVERITIES, Diagnosis, Finding, Severity
from descend.training.history import History

__all__ = ["CHECKS", "SEVERITIES", "Check", "Diagnosis", "Finding", "Severity", "diagnose"]


@dataclass(frozen=True)
class Check:
    """One illness.

    Attributes
    ----------
    find : the function; its name is the check's
    needs : what must have been recorded besides the losses: "setup", "monitor" or "validation"
    explained_by : other findings that this one would only follow from
    """

    find: Callable[[History], list[Finding]]
    needs: str = "setup"
    explained_by: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the findings."""
        return self.find.__name__


_NOT_LEARNING = (
    "dead_units",
    "exploding_gradients",
    "learning_rate_too_high",
    "learning_rate_too_low",
    "saturated_units",
    "unscaled_inputs",
    "vanishing_gradients",
    "vanishing_through_time",
)

CHECKS = (
    Check(data.unscaled_inputs),
    Check(data.unscaled_target),
    Check(data.label_imbalance),
    Check(course.learning_rate_too_high),
    Check(course.learning_rate_too_low, explained_by=("learning_rate_too_high",)),
    Check(gradients.exploding_gradients, "monitor"),
    Check(gradients.vanishing_gradients, "monitor"),
    Check(gradients.vanishing_through_time, explained_by=("learning_rate_too_high",)),
    Check(units.dead_units, "monitor"),
    Check(units.saturated_units, "monitor"),
    Check(units.small_batches_for_batch_norm),
    Check(course.stalled_loss, explained_by=(*_NOT_LEARNING, "unscaled_target")),
    Check(course.noisy_loss, explained_by=("learning_rate_too_high", "exploding_gradients")),
    Check(fitting.underfitting, explained_by=(*_NOT_LEARNING, "unscaled_target", "stalled_loss")),
    Check(fitting.overfitting, "validation"),
)

_MISSING = {
    "setup": "since the history does not say what was trained",
    "monitor": "since no callbacks.Monitor() was among the callbacks",
    "validation": "since there were no validation rows",
}


def diagnose(history: History) -> Diagnosis:
    """Make all checks that a history allows; see `History.diagnose`.

    Parameters
    ----------
    history : of one or several calls of `fit`
    """
    found: list[Finding] = []
    checked: list[str] = []
    unchecked: dict[str, str] = {}
    for check in CHECKS:
        missing = _missing(history, check.needs)
        if missing:
            unchecked[check.name] = _MISSING[missing]
            continue
        checked.append(check.name)
        if not any(other.name in check.explained_by for other in found):
            found += check.find(history)
    found.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    return Diagnosis(tuple(found), tuple(checked), unchecked)


def _missing(history: History, needs: str) -> str | None:
    if history.setup is None:
        return "setup"
    if needs == "monitor" and (history.monitor is None or not len(history.monitor)):
        return "monitor"
    if needs == "validation" and not history.val_loss:
        return "validation"
    return None
