"""Turns techniques and outcomes into Markdown. Runs nothing but the pages' few lines of code."""

from __future__ import annotations

import contextlib
import io
import re

from descend.experiments import Finding, Outcome
from generator.technique import PREAMBLE, Technique


def run_code(code: str) -> str:
    """Run a page's lines after the preamble, and return what they print."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(PREAMBLE + code, "<page>", "exec"), {"__name__": "page"})
    return printed.getvalue().rstrip()


def number(value: float) -> str:
    """Three significant digits, without exponents where they are not needed."""
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.3g}"
    return f"{value:.2e}"


def findings_table(outcome: Outcome) -> str:
    """The conditions' numbers as a table."""
    verdict = outcome.verdict
    lines = [
        f"| condition | quantity | claimed | mean | {verdict.confidence:.2%} interval | effect | answer |",
        "|---|---|---:|---:|---:|---:|---|",
    ]
    lines += [_row(finding) for finding in verdict.findings]
    return "\n".join(lines)


def _row(finding: Finding) -> str:
    made = finding.estimate
    side = "above" if finding.side == "above" else "below"
    effect = "all alike" if abs(made.effect) == float("inf") else number(made.effect)
    quantity = finding.quantity.replace("|", "\\|")
    return (
        f"| {finding.name} | {quantity} | {side} {number(finding.bound)} | {number(made.mean)} "
        f"| {number(made.low)} to {number(made.high)} | {effect} | {finding.answer} |"
    )


def experiment_section(outcome: Outcome) -> str:
    """Claim, set-up, picture, verdict and numbers of one experiment."""
    experiment, verdict = outcome.experiment, outcome.verdict
    seeds = verdict.findings[0].estimate.seeds
    return f"""\
## Experiment: {experiment.title}

**Claim.** {experiment.claim}

**Set-up.** {experiment.setup}

**Measured.** {experiment.measured}

![{experiment.title}](pictures/{experiment.name}.png)

**Verdict: {verdict.word}** ({seeds} seeds).

{findings_table(outcome)}

`descend experiment run {experiment.name} --out results`
"""


def technique_page(technique: Technique, outcomes: dict[str, Outcome]) -> str:
    """A technique's page."""
    sections = "\n".join(experiment_section(outcomes[name]) for name in technique.experiments)
    return f"""\
# {technique.title}

{technique.what}

```text
{technique.formula}
```

{technique.source}

```python
{technique.code}
```

prints (after the lines at the end of the [index](README.md))

```text
{run_code(technique.code)}
```

**Use it for:** {technique.use}

**Not for:** {technique.avoid}

{sections}"""


def claim_rows(techniques: tuple[Technique, ...], outcomes: dict[str, Outcome]) -> dict[str, str]:
    """The overview's line on each experiment."""
    pages: dict[str, str] = {}
    for technique in techniques:
        for name in technique.experiments:
            pages.setdefault(name, technique.name)
    return {
        name: f"| {outcome.experiment.claim} | **{outcome.verdict.word}** | {_shown(outcome)} | [{name}]({pages[name]}.md) |"
        for name, outcome in outcomes.items()
    }


def index_rows(text: str) -> dict[str, str]:
    """The lines on experiments of an overview that was written before, by their names."""
    return {found[1]: found[0] for found in re.finditer(r"^\|.*\| \[([^\]]+)\]\([^)]+\) \|$", text, re.MULTILINE)}


def index_page(techniques: tuple[Technique, ...], rows_of_claims: list[str], effects: bool) -> str:
    """The overview: every technique with its page, and every claim with its verdict (see `claim_rows`)."""
    claims = "\n".join(rows_of_claims)
    rows = "\n".join(f"- [{technique.title}]({technique.name}.md)" for technique in techniques)
    table = "\nWhat each technique does to real data: [effects.md](effects.md).\n" if effects else ""
    return f"""\
# Experiments

What textbooks claim, tested. Each claim stands with the quantity and the bound it is held against; the verdict is computed
from confidence intervals over seeds ([how](../design/09-experiments.md)). Quantities, bounds or data of some claims were
settled after a first look at results (vanishing gradients, dying ReLU, the local minimum, the gaps between training and
test score, augmentation, schedules, batch sizes): their verdicts are not those of blind tests. `make experiments` writes these pages:
numbers, pictures and verdicts come from a run; only formulas and advice are written by hand.
{table}
## Claims and verdicts

The third column counts the conditions that were shown; the experiment's page names them with their numbers.

| claim | verdict | shown | experiment |
|---|---|---:|---|
{claims}

## Techniques

{rows}

## Running the pages' code

The few lines on each page run after these:

```python
{PREAMBLE.rstrip()}
```
"""


def _shown(outcome: Outcome) -> str:
    findings = outcome.verdict.findings
    return f"{sum(finding.answer == 'shown' for finding in findings)} of {len(findings)}"
