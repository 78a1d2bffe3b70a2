"""A trained network together with the encoder of its images, sequences or texts: what their `.descend` file holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from descend import Network
from descend.cli.arrays.preparing import network_rows
from descend.cli.bundle import Facts, as_outputs, facts_from
from descend.data.array_encoding import ArrayEncoder
from descend.data.errors import DataError
from descend.data.examples import Examples
from descend.data.targets import ClassTarget


@dataclass(frozen=True)
class ArrayBundle:
    """A model file's contents."""

    network: Network
    encoder: ArrayEncoder
    facts: Facts

    def save(self, path: Path) -> None:
        """Write the model file, preprocessing included.

        Parameters
        ----------
        path : Path
        """
        self.network.extra = {"arrays": self.encoder.to_json(), "facts": asdict(self.facts)}
        self.network.save(path)

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
        encoder = ArrayEncoder.from_json(str(network.extra["arrays"]))
        outputs = len(encoder.target.classes) if isinstance(encoder.target, ClassTarget) else 1
        if network.input_shape != encoder.shape or network.output_shape != (outputs if outputs > 2 else 1,):
            raise DataError(f"'{path}' holds a network and a description that do not fit; train the model again.")
        return cls(network, encoder, facts_from(network, path))

    def predict(self, examples: Examples) -> NDArray[np.float64]:
        """What the model says about examples: (rows,) numbers, or (rows, classes) probabilities."""
        return as_outputs(self.encoder.target, self.network.predict(network_rows(self.encoder, examples)))
