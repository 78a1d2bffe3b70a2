"""The commands and their options: nothing but names, help and hand-over. Heavy imports wait inside the commands."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from descend.cli.guard import TERMINATED, fail, one_sentence, usage_sentence
from descend.cli.options import (
    DATA,
    NETWORK,
    Categorical,
    Data,
    Drop,
    Encoding,
    Form,
    Missing,
    Model,
    Seed,
    Separator,
    Target,
    Task,
    Threads,
    TimeBudget,
)

app = typer.Typer(
    name="descend",
    help="Train neural networks on tables, images, sequences and texts, on the CPU: data in, model and report out.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def run(arguments: Sequence[str] | None = None) -> None:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the process when not given.

    Raises
    ------
    SystemExit
        Always; code 2 for bad input, which a sentence on standard error names.
    """
    signal.signal(signal.SIGTERM, _terminated)
    try:
        code = app(arguments, prog_name="descend", standalone_mode=False)
    except Exception as error:
        # Typer brings its own copy of click's exceptions or not, depending on its release: known by what they can do.
        if not hasattr(error, "format_message"):
            raise
        fail(usage_sentence(error, sys.argv[1:] if arguments is None else arguments))
    raise SystemExit(code if isinstance(code, int) else 0)


def _terminated(number: int, frame: object) -> None:
    """Leave on SIGTERM the way errors do, so that no temporary file stays behind."""
    raise SystemExit(TERMINATED)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"descend {version('descend')}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def train(
    data: Data,
    target: Target = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Folder for the results; <data>-model if not given."),
    ] = None,
    task: Task = None,
    seed: Seed = 0,
    threads: Threads = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
    network: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="For images small_cnn (if not given), lenet or small_resnet; for sequences sequence_cnn (if not "
            "given) or sequence_lstm (for different lengths); for texts text_average (if not given) or text_rnn.",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    augment: Annotated[
        str | None,
        typer.Option(
            metavar="KINDS",
            help="How rows vary at random in training, such as flip,shift: images flip (left to right), shift, rotate, "
            "zoom, light; sequences shift, scale, noise. Not at all if not given.",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    hidden: Annotated[
        str | None,
        typer.Option(
            metavar="UNITS",
            help="Units of each hidden layer for a table, or the word none for no hidden layer; 128,128 if not given.",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            help="Passes over the rows at most; chosen by the number of rows if not given.", rich_help_panel=NETWORK
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(help="Rows per update; 16 to 128 by the number of rows if not given.", rich_help_panel=NETWORK),
    ] = None,
    lr: Annotated[
        float | None,
        typer.Option(
            help="Highest learning rate; 0.001 for batches of 16 if not given, 0.01 without hidden layers.",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    dropout: Annotated[
        float | None,
        typer.Option(
            help="Share of units dropped at random; if not given 0.3 for tables below 2,000 rows, 0.1 for larger ones, "
            "0.2 for images and sequences, 0.5 for texts.",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    weight_decay: Annotated[
        float | None,
        typer.Option(
            help="Decoupled (AdamW); chosen by the number of rows if not given, 0 without hidden layers.",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            help="Epochs without improvement before stopping; if not given a fifth of the epochs for tables, a quarter "
            "for images, sequences and texts.",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    time_budget: TimeBudget = None,
    drop: Drop = None,
    categorical: Categorical = None,
    separator: Separator = None,
    encoding: Encoding = None,
    missing: Missing = None,
    form: Form = None,
    image_size: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Side, or HEIGHTxWIDTH, to bring a folder's images to; their medians, at most 64, if not given.",
            rich_help_panel=DATA,
        ),
    ] = None,
    test_size: Annotated[float, typer.Option(help="Share of the rows to test on.", rich_help_panel=DATA)] = 0.2,
    validation_size: Annotated[
        float | None,
        typer.Option(
            help="Share of the rows to validate on; 0.16 if not given, less for large tables.", rich_help_panel=DATA
        ),
    ] = None,
) -> None:
    """Train a network on a table, images, sequences or texts; write the model, its history and a report.

    Ctrl-C ends the training early and goes on with the best weights so far; pressed again, it ends the command.
    """
    with one_sentence():
        from descend.cli.recipe import Asked, parse_hidden, parse_kinds
        from descend.cli.training import Job
        from descend.cli.training import train as do
        from descend.data.images import parse_size
        from descend.data.kinds import ColumnOptions
        from descend.data.preparing import PrepareOptions
        from descend.data.reading import ReadOptions

        columns = ColumnOptions(tuple(drop or ()), tuple(categorical or ()))
        wishes = parse_hidden(hidden), epochs, batch_size, lr, dropout, weight_decay, patience
        job = Job(
            data=data,
            target=target,
            out=out or Path(f"{data.resolve().stem}-model"),
            seed=seed,
            threads=threads,
            read=ReadOptions(separator, encoding, tuple(missing or ())),
            prepare=PrepareOptions(task, seed, test_size, validation_size, columns),
            asked=Asked(*wishes, network, parse_kinds(augment), time_budget),
            quiet=quiet,
            form=form,
            image_size=parse_size(image_size),
        )
        do(job)


@app.command()
def predict(
    model: Model,
    data: Data,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="CSV or Parquet; printed as CSV if not given.")
    ] = None,
    keep: Annotated[
        list[str] | None, typer.Option(metavar="COL", help="A column of DATA to copy into the output (repeatable).")
    ] = None,
    separator: Separator = None,
    encoding: Encoding = None,
    missing: Missing = None,
    form: Form = None,
) -> None:
    """Predict for the rows of a table or an .npz file, or for image files: classes with probabilities, or numbers."""
    with one_sentence():
        from descend.cli.applying import predict as do
        from descend.data.reading import ReadOptions

        do(model, data, out, tuple(keep or ()), ReadOptions(separator, encoding, tuple(missing or ())), form)


@app.command()
def evaluate(
    model: Model,
    data: Data,
    separator: Separator = None,
    encoding: Encoding = None,
    missing: Missing = None,
    form: Form = None,
) -> None:
    """Measure a model on data that have the target: a table, an .npz file, or a folder with sub-folders."""
    with one_sentence():
        from descend.cli.applying import evaluate as do
        from descend.data.reading import ReadOptions

        do(model, data, ReadOptions(separator, encoding, tuple(missing or ())), form)


@app.command()
def info(model: Model) -> None:
    """Show what a model file holds: columns, network, training, test scores."""
    with one_sentence():
        from descend.cli.info import info as do

        do(model)


@app.command()
def doctor(
    subject: Annotated[
        Path, typer.Argument(metavar="RUN|DATA", help="A folder or model.descend of 'descend train', or a table.")
    ],
    target: Target = None,
    task: Task = None,
    seed: Seed = 0,
    threads: Threads = None,
    hidden: Annotated[
        str | None, typer.Option(metavar="UNITS", help="As for 'descend train'.", rich_help_panel=NETWORK)
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Likewise.", rich_help_panel=NETWORK)] = None,
    batch_size: Annotated[int | None, typer.Option(help="Likewise.", rich_help_panel=NETWORK)] = None,
    lr: Annotated[float | None, typer.Option(help="Likewise.", rich_help_panel=NETWORK)] = None,
    dropout: Annotated[float | None, typer.Option(help="Likewise.", rich_help_panel=NETWORK)] = None,
    weight_decay: Annotated[float | None, typer.Option(help="Likewise.", rich_help_panel=NETWORK)] = None,
    patience: Annotated[int | None, typer.Option(help="Likewise.", rich_help_panel=NETWORK)] = None,
    time_budget: TimeBudget = None,
    drop: Drop = None,
    categorical: Categorical = None,
    separator: Separator = None,
    encoding: Encoding = None,
    missing: Missing = None,
) -> None:
    """Say what looks wrong about a training: of a recorded run, or by training on a table.

    Each finding comes with its evidence and a remedy. Nothing is written.
    """
    with one_sentence():
        from descend.cli import doctor as do
        from descend.cli.recipe import Asked, parse_hidden
        from descend.cli.training import Job
        from descend.data.errors import DataError
        from descend.data.kinds import ColumnOptions
        from descend.data.preparing import PrepareOptions
        from descend.data.reading import ReadOptions

        wishes = parse_hidden(hidden), epochs, batch_size, lr, dropout, weight_decay, patience
        asked = Asked(*wishes, time_budget=time_budget)
        do.refuse_arrays(subject)
        do.refuse_folders(subject)
        if do.is_run(subject):
            if target is not None or asked != Asked():
                raise DataError("A recorded run is looked at as it is: leave --target and the training options out.")
            do.of_run(subject)
            return
        if not subject.exists():
            raise DataError(f"There is no file or folder '{subject}'; check the path.")
        if target is None:
            raise DataError(
                f"'{subject}' is no run of 'descend train'; to train on it as a table, name its target with --target."
            )
        columns = ColumnOptions(tuple(drop or ()), tuple(categorical or ()))
        do.of_table(
            Job(
                data=subject,
                target=target,
                out=Path(),
                seed=seed,
                threads=threads,
                read=ReadOptions(separator, encoding, tuple(missing or ())),
                prepare=PrepareOptions(task, seed, columns=columns),
                asked=asked,
            )
        )


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for the results.")] = Path(
        "descend-demo"
    ),
    threads: Threads = None,
) -> None:
    """Train on three real data sets that come with scikit-learn, and compare."""
    with one_sentence():
        from descend.cli.demo import demo as do

        do(out, threads)


_experiments = typer.Typer(help="Test what textbooks claim about neural networks.", no_args_is_help=True)
app.add_typer(_experiments, name="experiment")


@_experiments.command("list")
def experiment_list() -> None:
    """List the experiments and what each tests."""
    with one_sentence():
        from descend.cli.experiments import list_experiments as do

        do()


@_experiments.command("run")
def experiment_run(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of an experiment, or 'all'.")],
    seeds: Annotated[int | None, typer.Option(help="How many; the experiment's own number if not given.")] = None,
    effort: Annotated[
        float, typer.Option(help="Share of the epochs or steps; below 1 the verdict is that of a rehearsal.")
    ] = 1.0,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Folder for picture, numbers and verdict; none if not given."),
    ] = None,
) -> None:
    """Run an experiment over seeds and print its verdict with its statistics."""
    with one_sentence():
        from descend.cli.experiments import run_experiments as do

        do(name, seeds, effort, out)
