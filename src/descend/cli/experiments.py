"""`descend experiment`: lists the experiments, runs one or all, prints the verdict and writes pictures and numbers."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from descend.cli.guard import fail
from descend.cli.show import console
from descend.experiments import Experiment, Finding, Outcome, get, names
from descend.wording import counted

#: Colours of answers and verdicts; the words say the same.
_STYLES = {
    "shown": "green",
    "refuted": "red",
    "open": "yellow",
    "holds": "bold green",
    "does not hold": "bold red",
    "holds only under stated conditions": "bold yellow",
}


def list_experiments() -> None:
    """Print every experiment with what it tests."""
    grid = Grid(title=f"{len(names())} experiments", title_justify="left")
    grid.add_column("name", no_wrap=True)
    grid.add_column("tests whether")
    grid.add_column("seeds", justify="right")
    for name in names():
        experiment = get(name)
        grid.add_row(name, escape(experiment.title), str(experiment.seeds))
    # Wrapped inside the table, unlike sentences, which the terminal wraps.
    Console(highlight=False).print(grid)


def run_experiments(name: str, seeds: int | None, effort: float, out: Path | None) -> None:
    """Run one experiment, or all of them.

    Parameters
    ----------
    name : str
        Of an experiment, or "all".
    seeds : int, optional
    effort : float
        Share of the usual number of epochs or steps.
    out : Path, optional
        Folder for verdict, measurements and picture; nothing is written without it.

    Raises
    ------
    SystemExit
        Code 2 for an unknown name or a bad number.
    """
    if seeds is not None and seeds < 1:
        fail(f"--seeds must be at least 1, got {seeds}.")
    if not 0 < effort <= 1:
        fail(f"--effort must be above 0 and at most 1, got {effort:g}.")
    try:
        chosen = [get(each) for each in (names() if name == "all" else [name])]
    except ValueError as error:
        # The library speaks of Python; here the list is a command.
        words = str(error).replace("experiments.names() lists them", "'descend experiment list' shows all")
        fail(words[0].upper() + words[1:] + ("" if words.endswith("?") else "."))
    for experiment in chosen:
        _run(experiment, seeds, effort, out)


def _run(experiment: Experiment, seeds: int | None, effort: float, out: Path | None) -> None:
    began = time.perf_counter()
    if sys.stderr.isatty():
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(experiment.name, total=seeds or experiment.seeds)
            outcome = experiment.run(
                seeds=seeds, effort=effort, progress=lambda done, _: bar.update(task, completed=done)
            )
    else:
        outcome = experiment.run(seeds=seeds, effort=effort)
    show_outcome(outcome, time.perf_counter() - began)
    if out is not None:
        for path in outcome.save(out):
            console().print(f"  {escape(str(path))}")


def show_outcome(outcome: Outcome, seconds: float) -> None:
    """Print claim, set-up, the conditions' numbers and the verdict."""
    experiment, verdict = outcome.experiment, outcome.verdict
    out = console()
    out.print(f"[bold]{escape(experiment.name)}[/]: {escape(experiment.claim)}")
    out.print(f"[dim]Set-up:[/] {escape(experiment.setup)}")
    out.print(f"[dim]Measured:[/] {escape(experiment.measured)}")
    grid = Grid(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    grid.add_column("condition")
    grid.add_column("claim", justify="right", no_wrap=True)
    grid.add_column(f"mean, {verdict.confidence:.2%} interval", justify="right", no_wrap=True)
    grid.add_column("effect", justify="right", no_wrap=True)
    grid.add_column("answer", no_wrap=True)
    for finding in verdict.findings:
        style = _STYLES[finding.answer]
        made = finding.estimate
        grid.add_row(
            escape(finding.name), claimed(finding), escape(interval(finding)), f"{made.effect:.2g}",
            f"[{style}]{finding.answer}[/]",
        )  # fmt: skip
    Console(highlight=False).print(grid)
    rehearsal = "" if outcome.effort == 1 else f" (a rehearsal with {outcome.effort:.0%} of the work)"
    seeds = verdict.findings[0].estimate.seeds
    out.print(
        f"Verdict over {counted(seeds, 'seed')}{rehearsal}: [{_STYLES[verdict.word]}]{verdict.word}[/].  "
        f"[dim]{seconds:.1f} s[/]"
    )


def claimed(finding: Finding) -> str:
    """What the claim says of the mean, such as "> 0.5"."""
    return f"{'>' if finding.side == 'above' else '<'} {finding.bound:.3g}"


def interval(finding: Finding) -> str:
    """The mean and its interval, such as "0.12 [0.1, 0.14]"."""
    made = finding.estimate
    return f"{made.mean:.3g} [{made.low:.3g}, {made.high:.3g}]"
