"""The one rule that turns measurements into a verdict. It is the same for all and sees only numbers.

A claim is tested under one or several conditions. Under each, one quantity per seed is held against a bound: the
condition is *shown* when the whole confidence interval lies on the claimed side of the bound, *refuted* when it lies
on the other side, and *open* otherwise. The claim **holds** when all conditions are shown, **does not hold** when none
is, and otherwise **holds only under stated conditions**: those that are shown. Intervals are made wider for the number
of conditions (Bonferroni), so that testing many does not make one come out by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from numpy.typing import ArrayLike

from descend.experiments.statistics import Estimate, estimate
from descend.wording import counted

Side = Literal["above", "below"]
Answer = Literal["shown", "refuted", "open"]
Word = Literal["holds", "does not hold", "holds only under stated conditions"]

#: Of all intervals of a verdict together.
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Condition:
    """What a claim says about one quantity.

    Attributes
    ----------
    name : under which condition, in a few words
    quantity : what was measured, with its unit
    values : (seeds,) one number, or one truth value, per seed
    bound : the number it is held against
    side : where the claim says the mean lies
    """

    name: str
    quantity: str
    values: ArrayLike
    bound: float = 0.0
    side: Side = "above"


@dataclass(frozen=True)
class Finding:
    """A condition's answer with its statistics."""

    name: str
    quantity: str
    bound: float
    side: Side
    estimate: Estimate
    answer: Answer


@dataclass(frozen=True)
class Verdict:
    """What came of a claim.

    Attributes
    ----------
    word : "holds", "does not hold" or "holds only under stated conditions"
    sentence : the same with the conditions named
    findings : one per condition
    confidence : of each finding's interval, corrected for their number
    """

    word: Word
    sentence: str
    findings: tuple[Finding, ...]
    confidence: float


def judge(conditions: Sequence[Condition]) -> Verdict:
    """Apply the rule of this module.

    Raises
    ------
    ValueError
        When there is no condition, or a condition's values are not finite numbers, one per seed.
    """
    if not conditions:
        raise ValueError("a verdict needs at least one condition")
    confidence = 1 - (1 - CONFIDENCE) / len(conditions)
    findings = tuple(_find(condition, confidence) for condition in conditions)
    shown = [finding for finding in findings if finding.answer == "shown"]
    if len(shown) == len(findings):
        word: Word = "holds"
    elif not shown:
        word = "does not hold"
    else:
        word = "holds only under stated conditions"
    return Verdict(word, _sentence(word, findings), findings, confidence)


def _find(condition: Condition, confidence: float) -> Finding:
    made = estimate(condition.values, bound=condition.bound, confidence=confidence)
    above, below = made.low > condition.bound, made.high < condition.bound
    claimed, opposite = (above, below) if condition.side == "above" else (below, above)
    answer: Answer = "shown" if claimed else "refuted" if opposite else "open"
    return Finding(condition.name, condition.quantity, condition.bound, condition.side, made, answer)


def _sentence(word: Word, findings: Sequence[Finding]) -> str:
    def named(answer: Answer) -> str:
        return "; ".join(finding.name for finding in findings if finding.answer == answer)

    seeds = max(finding.estimate.seeds for finding in findings)
    parts = [f"{word[0].upper()}{word[1:]}, over {counted(seeds, 'seed')}."]
    heads: dict[Answer, str] = {"shown": "Shown", "refuted": "The opposite was found", "open": "Not decided"}
    for answer, words in heads.items():
        if named(answer):
            parts.append(f"{words}: {named(answer)}.")
    return " ".join(parts)
