"""What a diagnosis consists of: findings, and the checks that could not be made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

#: "critical": the network cannot have learnt; "warning": it probably learnt worse than it could; "note": good to know.
Severity = Literal["critical", "warning", "note"]

#: The most severe first.
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """One thing that looks wrong.

    Attributes
    ----------
    name : str
        The check's, such as ``"dead_units"``.
    severity : {"critical", "warning", "note"}
    message : str
        What was seen, with its numbers, as a sentence without a full stop.
    remedy : str
        What to try, likewise.
    layer : str or None
        Where, by the name of `Network.summary`.
    evidence : dict of str to float
        The numbers it rests on, the threshold included.
    """

    name: str
    severity: Severity
    message: str
    remedy: str
    layer: str | None = None
    evidence: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.message}: {self.remedy}"


@dataclass(frozen=True)
class Diagnosis:
    """The findings of a run, the most severe first; a sequence of `Finding` that prints as text.

    Attributes
    ----------
    findings : tuple of Finding
    checked : tuple of str
        Names of the checks that were made.
    unchecked : dict of str to str
        Names of those that could not be made, with the reason.
    """

    findings: tuple[Finding, ...]
    checked: tuple[str, ...]
    unchecked: dict[str, str]

    def __len__(self) -> int:
        """Return the number of findings."""
        return len(self.findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __getitem__(self, index: int) -> Finding:
        """Return a finding by position."""
        return self.findings[index]

    def __contains__(self, name: object) -> bool:
        """Whether a finding, or one of that name, is among them."""
        return any(name in (finding, finding.name) for finding in self.findings)

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        lines = [f"{finding.severity}: {finding}." for finding in self.findings]
        if not lines:
            lines.append(f"Nothing found in {len(self.checked)} checks.")
        reasons: dict[str, list[str]] = {}
        for name, reason in self.unchecked.items():
            reasons.setdefault(reason, []).append(name.replace("_", " "))
        lines += [f"Not checked, {reason}: {', '.join(names)}." for reason, names in reasons.items()]
        return "\n".join(lines)
