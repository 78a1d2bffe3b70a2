"""Opens a model file of any kind of data."""

from __future__ import annotations

from pathlib import Path

from descend.cli.arrays.bundle import ArrayBundle
from descend.cli.bundle import Bundle, open_network


def load_model(path: Path) -> Bundle | ArrayBundle:
    """Read a model file that `descend train` wrote.

    Parameters
    ----------
    path : Path
        The file, or the folder of a run.

    Raises
    ------
    DataError
        When there is no such file, or it is not one that `descend train` wrote.
    """
    path, network = open_network(path)
    return ArrayBundle.of(network, path) if ArrayBundle.described_as in network.extra else Bundle.of(network, path)
