"""A trained network together with the encoder of its images, sequences or texts: what their `.descend` file holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from descend import Network
from descend.cli.arrays.preparing import network_rows
from descend.cli.bundle import Contents, as_outputs, facts_from, fits
from descend.data.array_encoding import ArrayEncoder
from descend.data.errors import DataError
from descend.data.examples import Examples


@dataclass(frozen=True)
class ArrayBundle(Contents):
    """The contents of a model file for images, sequences or texts."""

    encoder: ArrayEncoder

    described_as = "arrays"

    @classmethod
    def of(cls, network: Network, path: Path) -> ArrayBundle:
        """What a loaded network brought along.

        Parameters
        ----------
        network : Network
        path : Path
            For messages.

        Raises
        ------
        DataError
            When its description is damaged.
        """
        encoder = ArrayEncoder.from_json(str(network.extra[cls.described_as]))
        if not fits(network, encoder.shape, encoder.target):
            raise DataError(f"'{path}' holds a network and a description that do not fit; train the model again.")
        return cls(network, encoder, facts_from(network, path))

    def predict(self, examples: Examples) -> NDArray[np.float64]:
        """What the model says about examples: (rows,) numbers, or (rows, classes) probabilities."""
        return as_outputs(self.encoder.target, self.network.predict(network_rows(self.encoder, examples)))
