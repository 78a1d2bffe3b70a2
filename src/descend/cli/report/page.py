"""Puts a run's numbers and pictures into one HTML file that loads nothing from anywhere."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from descend.cli.info import describe_column
from descend.cli.report.canvas import Picture
from descend.cli.report.pictures import pictures_of
from descend.cli.scoring import MEASURES
from descend.cli.show import best_of, number
from descend.data.targets import NumberTarget, Target
from descend.wording import counted

if TYPE_CHECKING:
    from descend.cli.bundle import Facts
    from descend.cli.fitting import Outcome
    from descend.cli.training import Result
    from descend.training.diagnosis import Diagnosis

_STYLE = """
:root { color-scheme: light; --ink: #222; --muted: #666; --line: #ddd; --blue: #0072B2; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: #fafafa; margin: 0; }
main { max-width: 1180px; margin: 0 auto; padding: 24px 20px 60px; }
h1 { font-size: 1.7rem; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 36px 0 10px; }
p { margin: 6px 0; max-width: 75ch; }
.muted, figcaption { color: var(--muted); }
table { border-collapse: collapse; background: #fff; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 14px; border-bottom: 1px solid var(--line); text-align: left; overflow-wrap: anywhere; }
th { font-weight: 600; }
td.n, th.n { text-align: right; white-space: nowrap; }
table.metrics td:first-child { white-space: nowrap; }
td.best { font-weight: 700; color: var(--blue); }
.findings { list-style: none; padding: 0; margin: 6px 0; max-width: 90ch; }
.findings li { background: #fff; border: 1px solid var(--line); border-left: 5px solid var(--blue);
  border-radius: 6px; padding: 8px 14px; margin: 6px 0; }
.findings li.critical { border-left-color: #B3261E; }
.findings li.warning { border-left-color: #E69F00; }
.wide { overflow-x: auto; }
.pictures { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 18px;
  grid-auto-flow: row dense; }
figure { margin: 0; background: #fff; border: 1px solid var(--line); border-radius: 8px; padding: 14px 16px; }
figure.broad { grid-column: 1 / -1; }
figure h3 { margin: 0 0 6px; font-size: 1.05rem; }
figure img { display: block; max-width: 100%; max-height: 760px; margin: 0 auto; object-fit: contain; }
figcaption { font-size: 0.9rem; margin-top: 8px; max-width: 75ch; }
details summary { cursor: pointer; margin: 8px 0; }
pre { background: #fff; border: 1px solid var(--line); border-radius: 8px; padding: 12px 16px; overflow-x: auto; }
@media (max-width: 800px) {
  .pictures { grid-template-columns: minmax(0, 1fr); }
  th, td { padding: 6px 8px; }
  td { overflow-wrap: break-word; }
  table.metrics th { white-space: normal; overflow-wrap: normal; }
  figure.broad .wide img { max-width: none; width: 660px; max-height: none; }
  figure.broad figcaption::after { content: " Scroll the picture sideways to see all of it."; }
}
@media (max-width: 520px) {
  main { padding: 16px 12px 40px; }
  figure { padding: 10px; }
  table.metrics { width: 100%; font-size: 0.85rem; }
  table.metrics th, table.metrics td { padding: 6px 4px; }
  table.metrics td:first-child { white-space: normal; overflow-wrap: normal; }
}
@media print { body { background: #fff; } figure { break-inside: avoid; } }
"""


def write_report(path: Path, result: Result) -> None:
    """Write the report of a run.

    Parameters
    ----------
    path : Path
    result : Result
    """
    write_page(path, result, pictures_of(result), _data(result))


def write_page(path: Path, result: Outcome, pictures: list[Picture], data: str) -> None:
    """Write a report whose pictures and words about the data are given.

    Parameters
    ----------
    path : Path
    result : Outcome
    pictures : list of Picture
    data : str
        HTML.
    """
    path.write_text(_page(result, pictures, data), encoding="utf-8")


def _page(result: Outcome, pictures: list[Picture], data: str) -> str:
    facts, target = result.bundle.facts, result.bundle.encoder.target
    parts = [
        f"<h1>{escape(target.name)} <span class='muted'>from {escape(facts.data)}</span></h1>",
        f"<p>{escape(facts.task[:1].upper() + facts.task[1:])}.</p>",
        f"<p class='muted'>{escape(facts.created)} · seed {facts.seed}</p>",
        f"<h2>Test metrics</h2><p class='muted'>On {counted(facts.rows['test'], 'row')} that took no part in training. "
        f"The linear model is scikit-learn's, fitted on the same training rows.{escape(_unit(target))}</p>",
        _metrics(result),
        "<h2>Findings</h2>",
        _findings(result.diagnosis),
        "<h2>Pictures</h2>",
        "<div class='pictures'>" + "".join(map(_figure, pictures)) + "</div>",
        "<h2>Data</h2>",
        data,
        "<h2>Network and training</h2>",
        _training(result),
    ]
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{escape(target.name)} - descend report</title><style>{_STYLE}</style></head>\n"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _unit(target: Target) -> str:
    """A sentence on what errors are measured in, where that is known."""
    return f" Errors are in {target.unit}." if isinstance(target, NumberTarget) and target.unit else ""


def _metrics(result: Outcome) -> str:
    heads = "".join(f"<th class='n'>{escape(name)}</th>" for name in result.scores)
    rows = []
    for measure in MEASURES[result.prepared.task.kind]:
        values = [scores[measure.name] for scores in result.scores.values()]
        best = best_of(measure, values)
        cells = "".join(
            f"<td class='n{' best' if value is not None and value == best else ''}'>{number(value)}</td>"
            for value in values
        )
        better = "higher is better" if measure.greater_is_better else "lower is better"
        arrow = "↑" if measure.greater_is_better else "↓"
        rows.append(f"<tr><td>{measure.label} <span class='muted' title='{better}'>{arrow}</span></td>{cells}</tr>")
    return f"<div class='wide'><table class='metrics'><tr><th>metric</th>{heads}</tr>{''.join(rows)}</table></div>"


def _findings(diagnosis: Diagnosis) -> str:
    """What looks wrong about the training, or that nothing does."""
    checks = ", ".join(name.replace("_", " ") for name in diagnosis.checked if name not in diagnosis)
    found = "Nothing else found" if len(diagnosis) else "Nothing found"
    rest = f"<p class='muted'>{found}. Checked were {escape(checks)}.</p>"
    items = "".join(
        f"<li class='{finding.severity}'><b>{finding.severity.capitalize()}:</b> {escape(finding.message)}. "
        f"<span class='muted'>What to try: {escape(finding.remedy)}.</span></li>"
        for finding in diagnosis
    )
    return (f"<ul class='findings'>{items}</ul>" if items else "") + rest


def _figure(picture: Picture) -> str:
    data = base64.b64encode(picture.svg.encode()).decode()
    title = escape(picture.title, quote=True)
    image = f"<img alt='{title}' src='data:image/svg+xml;base64,{data}'>"
    broad = ""
    if _is_broad(picture.svg):  # on a narrow screen it scrolls; the keyboard can, too, where it has the focus
        broad = " class='broad'"
        image = f"<div class='wide' role='region' tabindex='0' aria-label='{title}'>{image}</div>"
    return f"<figure{broad}><h3>{title}</h3>{image}<figcaption>{escape(picture.caption)}</figcaption></figure>"


def _is_broad(svg: str) -> bool:
    """Whether a picture is wide enough to take both columns of the page (its width is in points)."""
    width = svg.split('width="', 1)[1].split("pt", 1)[0]
    return float(width) > 600


def _data(result: Result) -> str:
    prepared, encoder = result.prepared, result.bundle.encoder
    rows = parts_of(result.bundle.facts)
    frame = result.table.frame
    lines = [
        f"{counted(frame.height, 'row')} and {counted(frame.width, 'column')} in the file; {rows}.",
        f"Columns used: {len(encoder.columns)}; features made of them: {len(encoder.features)}.",
        *result.table.notes,
        *prepared.notes,
    ]
    table = _table(
        ("column", "kind", "features", "of the training rows"),
        ((c.name, c.kind, str(len(c.features)), describe_column(c)) for c in encoder.columns),
    )
    return f"{bullets(lines)}<details><summary>The columns</summary>{table}</details>"


def parts_of(facts: Facts) -> str:
    """How many rows each part has."""
    parts = zip(("train", "validate", "test"), facts.rows.values(), strict=True)
    return ", ".join(f"{count:,} to {part}" for part, count in parts)


def bullets(lines: Iterable[str]) -> str:
    """A list in HTML."""
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def _training(result: Outcome) -> str:
    from descend.cli.fitting import budget_remark
    from descend.training.progress import closing_line

    recipe = result.bundle.facts.recipe
    settings = ((name.replace("_", " "), _plain(value)) for name, value in recipe.items() if value is not None)
    ended = f"{closing_line(result.history)}. {budget_remark(result)}"
    return (
        f"<p>{escape(ended)}</p>{_table(('setting', 'value'), settings)}"
        f"<details><summary>The layers</summary><pre>{escape(result.bundle.network.summary())}</pre></details>"
    )


def _plain(value: object) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value)) or "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<div class='wide'><table><tr>{head}</tr>{body}</table></div>"
