"""A trained network together with the encoder that feeds it: what a `.descend` file from `train` holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from descend import ModelFileError, Network
from descend.data.encoding import TableEncoder
from descend.data.errors import DataError
from descend.data.targets import ClassTarget, NumberTarget

if TYPE_CHECKING:
    from descend.data.array_encoding import ArrayEncoder


@dataclass(frozen=True)
class Facts:
    """What `descend info` tells about a training run besides the network and the columns.

    Attributes
    ----------
    task : str
        The kind and the reason.
    data : str
        The name of the data file.
    rows : dict of str to int
        Rows per part of the split.
    seed : int
    recipe : dict
        The settings, defaults included.
    scores : dict of str to dict of str to float
        Test metrics by model and metric; None where not defined.
    created : str
        Date and time (UTC).
    lead : dict of str to float, or None
        The linear model's, as `baselines.Lead`; None where unknown.
    known : dict or None
        What recognizes the rows to train and to validate on, as `KnownRows.to_record`; None where unknown.
    """

    task: str
    data: str
    rows: dict[str, int]
    seed: int
    recipe: dict[str, Any]
    scores: dict[str, dict[str, float | None]]
    created: str
    lead: dict[str, float] | None = None
    known: dict[str, str | bool] | None = None


@dataclass(frozen=True)
class Contents:
    """A model file's contents, whatever the model's data are.

    Attributes
    ----------
    network : Network
    encoder : TableEncoder or ArrayEncoder
    facts : Facts
    """

    network: Network
    encoder: TableEncoder | ArrayEncoder
    facts: Facts

    #: What the encoder's description is called in the file.
    described_as: ClassVar[str]

    def save(self, path: Path) -> None:
        """Write the model file, preprocessing included.

        Parameters
        ----------
        path : Path
        """
        self.network.extra = {self.described_as: self.encoder.to_json(), "facts": asdict(self.facts)}
        self.network.save(path)


@dataclass(frozen=True)
class Bundle(Contents):
    """The contents of a model file for tables."""

    encoder: TableEncoder

    described_as = "table"

    @classmethod
    def load(cls, path: Path) -> Bundle:
        """Read a model file.

        Parameters
        ----------
        path : Path

        Raises
        ------
        DataError
            When there is no such file, or it is not one that `descend train` wrote.
        """
        path, network = open_network(path)
        return cls.of(network, path)

    @classmethod
    def of(cls, network: Network, path: Path) -> Bundle:
        """What a loaded network brought along.

        Parameters
        ----------
        network : Network
        path : Path
            For messages.

        Raises
        ------
        DataError
            When it is none of a table, or its description is damaged.
        """
        table = network.extra.get(cls.described_as)
        if not isinstance(table, str) or not isinstance(network.extra.get("facts"), dict):
            raise DataError(
                f"'{path}' holds a network without the description of its table; "
                "use Network.load in Python, or train with 'descend train'."
            )
        encoder = TableEncoder.from_json(table)
        known = facts_from(network, path)
        if not fits(network, (len(encoder.features),), encoder.target):
            raise DataError(f"'{path}' holds a network and a table description that do not fit; train the model again.")
        return cls(network, encoder, known)

    def predict(self, frame: pl.DataFrame) -> NDArray[np.float64]:
        """What the model says about a table's rows; see `outputs`."""
        return self.outputs(self.encoder.encode(frame))

    def outputs(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        """What the model says about encoded rows.

        Parameters
        ----------
        X : (rows, features) float32

        Returns
        -------
        (rows,) numbers in the target's unit for a regression, (rows, classes) probabilities otherwise
        """
        return as_outputs(self.encoder.target, self.network.predict(X))


def fits(network: Network, shape: tuple[int, ...], target: NumberTarget | ClassTarget) -> bool:
    """Whether a network takes rows of a shape and gives what a target is decoded from."""
    outputs = len(target.classes) if isinstance(target, ClassTarget) else 1
    return network.input_shape == shape and network.output_shape == (outputs if outputs > 2 else 1,)


def open_network(path: Path) -> tuple[Path, Network]:
    """The network of a model file, or of a run's folder, and the file's path.

    Parameters
    ----------
    path : Path

    Raises
    ------
    DataError
        When there is no such file, or it holds no network.
    """
    if path.is_dir():
        folder, path = path, path / "model.descend"
        if not path.exists():
            raise DataError(
                f"The folder '{folder}' holds no model.descend; name a folder that 'descend train' made, or a model "
                "file."
            )
    try:
        return path, Network.load(path)
    except FileNotFoundError:
        raise DataError(f"There is no model file '{path}'; check the path, or make one with 'descend train'.") from None
    except ModelFileError as error:
        raise DataError(f"{error}.".replace("..", ".")) from None


def facts_from(network: Network, path: Path) -> Facts:
    """The record of a network's training.

    Parameters
    ----------
    network : Network
    path : Path
        For messages.

    Raises
    ------
    DataError
        When it is damaged.
    """
    try:
        return Facts(**network.extra["facts"])
    except (KeyError, TypeError):
        raise DataError(f"'{path}' holds a damaged record of its training; train the model again.") from None


def as_outputs(target: NumberTarget | ClassTarget, raw: NDArray) -> NDArray[np.float64]:
    """A network's output in the user's terms: (rows,) numbers in the target's unit, or (rows, classes).

    Parameters
    ----------
    target : NumberTarget or ClassTarget
    raw : (rows, 1) or (rows, classes)
    """
    if isinstance(target, NumberTarget):
        return target.decode(raw)
    raw = raw.astype(np.float64)
    return np.column_stack([1 - raw[:, 0], raw[:, 0]]) if len(target.classes) == 2 else raw
