"""Arguments and options that several commands have, with their help. Defaults stand at the commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

#: Panels of the help.
DATA = "How to read the table"
NETWORK = "Network and training"

Data = Annotated[
    Path,
    typer.Argument(
        metavar="DATA",
        help="A CSV or Parquet file with column names; a folder of images, one sub-folder per class; or an .npz file "
        "with X and y.",
    ),
]
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="A model.descend file that 'descend train' wrote.")]
Separator = Annotated[
    str | None, typer.Option(metavar="CHAR", help="Between CSV cells; guessed if not given.", rich_help_panel=DATA)
]
Encoding = Annotated[
    str | None, typer.Option(metavar="NAME", help="Of CSV text; guessed if not given.", rich_help_panel=DATA)
]
Missing = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TEXT", help="A cell that means unknown, besides empty, NA, ? ... (repeatable).", rich_help_panel=DATA
    ),
]
Form = Annotated[
    str | None,
    typer.Option(
        metavar="FORM",
        help="image, sequence or text: what rows of an .npz file are. If not given, of three axes uint8 means image, "
        "and two axes of whole numbers with lengths mean text.",
        rich_help_panel=DATA,
    ),
]
Target = Annotated[
    str | None, typer.Option("--target", "-t", metavar="COL", help="The column to predict, for a table.")
]
Task = Annotated[str | None, typer.Option(metavar="TASK", help="classification or regression; inferred if not given.")]
Seed = Annotated[int, typer.Option(help="Decides the split, the initial weights and the order of rows.")]
Threads = Annotated[int | None, typer.Option(help="Threads; the results do not depend on it.")]
TimeBudget = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        help="Seconds after which training stops, within an epoch if need be; no limit if not given.",
        rich_help_panel=NETWORK,
    ),
]
Drop = Annotated[
    list[str] | None, typer.Option(metavar="COL", help="A column to leave out (repeatable).", rich_help_panel=DATA)
]
Categorical = Annotated[
    list[str] | None,
    typer.Option(metavar="COL", help="A column whose numbers are names (repeatable).", rich_help_panel=DATA),
]
