"""The commands and their options: nothing but names, help and hand-over. Heavy imports wait inside the commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from descend.cli.guard import one_sentence

app = typer.Typer(
    name="descend",
    help="Train neural networks on tables, on the CPU: data in, model and report out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_DATA = "How to read the table"
_NETWORK = "Network and training"

Data = Annotated[Path, typer.Argument(metavar="DATA", help="A CSV or Parquet file with a line of column names.")]
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="A model.descend file that 'descend train' wrote.")]
Separator = Annotated[
    str | None, typer.Option(metavar="CHAR", help="Between CSV cells; guessed if not given.", rich_help_panel=_DATA)
]
Encoding = Annotated[
    str | None, typer.Option(metavar="NAME", help="Of CSV text; guessed if not given.", rich_help_panel=_DATA)
]
Missing = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TEXT", help="A cell that means unknown, besides empty, NA, ? ... (repeatable).", rich_help_panel=_DATA
    ),
]


def run() -> None:
    """Run the command line."""
    app(prog_name="descend")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"descend {version('descend')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def train(
    data: Data,
    target: Annotated[str, typer.Option("--target", "-t", metavar="COL", help="The column to predict.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Folder for the results; <data>-model if not given."),
    ] = None,
    task: Annotated[
        str | None, typer.Option(metavar="TASK", help="classification or regression; inferred if not given.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides the split, the initial weights and the order of rows.")] = 0,
    threads: Annotated[int | None, typer.Option(help="Threads; the results do not depend on it.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
    hidden: Annotated[
        str | None,
        typer.Option(metavar="UNITS", help="Units per hidden layer, such as 128,128.", rich_help_panel=_NETWORK),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the rows at most.", rich_help_panel=_NETWORK)] = None,
    batch_size: Annotated[int | None, typer.Option(help="Rows per update.", rich_help_panel=_NETWORK)] = None,
    lr: Annotated[float | None, typer.Option(help="Highest learning rate.", rich_help_panel=_NETWORK)] = None,
    dropout: Annotated[
        float | None, typer.Option(help="Share of units dropped at random.", rich_help_panel=_NETWORK)
    ] = None,
    weight_decay: Annotated[float | None, typer.Option(help="Decoupled (AdamW).", rich_help_panel=_NETWORK)] = None,
    patience: Annotated[
        int | None, typer.Option(help="Epochs without improvement before stopping.", rich_help_panel=_NETWORK)
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option(metavar="COL", help="A column to leave out (repeatable).", rich_help_panel=_DATA)
    ] = None,
    categorical: Annotated[
        list[str] | None,
        typer.Option(metavar="COL", help="A column whose numbers are names (repeatable).", rich_help_panel=_DATA),
    ] = None,
    separator: Separator = None,
    encoding: Encoding = None,
    missing: Missing = None,
    test_size: Annotated[float, typer.Option(help="Share of the rows to test on.", rich_help_panel=_DATA)] = 0.2,
    validation_size: Annotated[
        float | None,
        typer.Option(
            help="Share of the rows to validate on; 0.16 if not given, less for large tables.", rich_help_panel=_DATA
        ),
    ] = None,
) -> None:
    """Train a network on a table; write the model, its history and a report."""
    with one_sentence():
        from descend.cli.recipe import Asked, parse_hidden
        from descend.cli.training import Job
        from descend.cli.training import train as do
        from descend.data.kinds import ColumnOptions
        from descend.data.preparing import PrepareOptions
        from descend.data.reading import ReadOptions

        columns = ColumnOptions(tuple(drop or ()), tuple(categorical or ()))
        job = Job(
            data=data,
            target=target,
            out=out or Path(f"{data.stem}-model"),
            seed=seed,
            threads=threads,
            read=ReadOptions(separator, encoding, tuple(missing or ())),
            prepare=PrepareOptions(task, seed, test_size, validation_size, columns),
            asked=Asked(parse_hidden(hidden), epochs, batch_size, lr, dropout, weight_decay, patience),
            quiet=quiet,
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
) -> None:
    """Predict for the rows of a table: classes with probabilities, or numbers."""
    with one_sentence():
        from descend.cli.applying import predict as do
        from descend.data.reading import ReadOptions

        do(model, data, out, tuple(keep or ()), ReadOptions(separator, encoding, tuple(missing or ())))


@app.command()
def evaluate(
    model: Model,
    data: Data,
    separator: Separator = None,
    encoding: Encoding = None,
    missing: Missing = None,
) -> None:
    """Measure a model on a table that has the target column."""
    with one_sentence():
        from descend.cli.applying import evaluate as do
        from descend.data.reading import ReadOptions

        do(model, data, ReadOptions(separator, encoding, tuple(missing or ())))


@app.command()
def info(model: Model) -> None:
    """Show what a model file holds: columns, network, training, test scores."""
    with one_sentence():
        from descend.cli.info import info as do

        do(model)


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for the results.")] = Path(
        "descend-demo"
    ),
    threads: Annotated[int | None, typer.Option(help="Threads; the results do not depend on it.")] = None,
) -> None:
    """Train on three real data sets that come with scikit-learn, and compare."""
    with one_sentence():
        from descend.cli.demo import demo as do

        do(out, threads)
