"""The `ArrayEncoder`: everything between images, sequences or texts and a network's input, as data that fits in JSON.

Fitted on training rows, stored with the model, applied to any later rows. The counterpart of `encoding` for tables.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descend.data.encoding import target_from
from descend.data.errors import DataError
from descend.data.examples import FORMS, Examples, Form
from descend.data.images import ImageRule
from descend.data.targets import Target

#: Of the JSON form; a file with a higher one was written by a newer release. Texts came with 2.
VERSION = 2
#: So many rows at a time, so that float64 sums need little memory.
_BLOCK = 1024


@dataclass(frozen=True)
class ArrayEncoder:
    """Turns images and sequences like those of training into float32 arrays: (x - mean) / scale, channel by channel.

    The tokens of texts stay the numbers they are.

    Attributes
    ----------
    form : "image", "sequence" or "text"
    shape : of a row: (height, width, channels), (steps, features) with the most steps a row may have, or (tokens,)
    variable : whether sequences or texts have lengths of their own
    mean, scale : (channels,) of the training rows; a channel that never changes has scale 1; () for texts
    peak : what the brightest pixel of a file is in these arrays, 255 or 1; 0 where nobody knows
    target : NumberTarget or ClassTarget
    vocabulary : how many different tokens texts may have, from 0 on; otherwise 0
    """

    form: Form
    shape: tuple[int, ...]
    variable: bool
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    peak: float
    target: Target
    vocabulary: int = 0

    @classmethod
    def fit(cls, examples: Examples, rows: NDArray[np.intp], target: Target) -> ArrayEncoder:
        """Statistics of every channel over some rows; what stands behind the end of a sequence does not count.

        Parameters
        ----------
        examples : Examples
        rows : (training rows,) int array
        target : Target
        """
        X, lengths = examples.X, examples.lengths
        if examples.form == "text":
            return cls("text", tuple(X.shape[1:]), lengths is not None, (), (), 0.0, target, examples.vocabulary)
        channels = X.shape[-1]
        count, total, squares = 0, np.zeros(channels), np.zeros(channels)
        # Around the first row, so that a large common value does not drown the differences.
        origin = X[rows[0]].reshape(-1, channels)[0].astype(np.float64)
        for start in range(0, len(rows), _BLOCK):
            chosen = rows[start : start + _BLOCK]
            block = X[chosen] if lengths is None else X[chosen][np.arange(X.shape[1]) < lengths[chosen, None]]
            flat = block.reshape(-1, channels).astype(np.float64) - origin
            count += len(flat)
            total += flat.sum(axis=0)
            squares += (flat**2).sum(axis=0)
        mean = total / count
        scale = np.sqrt(np.maximum(squares / count - mean**2, 0))
        scale[scale < 1e-12 * np.maximum(1, np.abs(mean + origin))] = 1.0
        return cls(
            examples.form,
            tuple(X.shape[1:]),
            lengths is not None,
            tuple((mean + origin).tolist()),
            tuple(scale.tolist()),
            _peak(examples),
            target,
        )

    def encode(self, examples: Examples) -> NDArray[np.float32] | NDArray[np.int32]:
        """The rows as the network reads them, (rows, *shape); of texts int32, of others float32.

        Parameters
        ----------
        examples : Examples

        Raises
        ------
        DataError
            When their form or shape is another than in training.
        """
        X = examples.X
        if examples.form != self.form:
            raise DataError(
                f"'{examples.path}' holds {examples.form}s and the model was trained on {self.form}s; choose another "
                "file, or say with --form what its rows are."
            )
        fits = X.shape[1:] == self.shape
        if self.form != "image" and self.variable:
            steps = X.shape[1] if examples.lengths is None else int(examples.lengths.max())
            fits = X.shape[2:] == self.shape[1:] and steps <= self.shape[0]
            X = X[:, : self.shape[0]]
        if not fits:
            most = " at most" if self.variable else ""
            raise DataError(
                f"'{examples.path}' holds rows of shape {tuple(X.shape[1:])} and the model takes {self.shape}{most}; "
                "bring them to that shape, or train again."
            )
        if self.form == "text":
            if X.max() >= self.vocabulary:
                row = int(np.flatnonzero(X.max(axis=1) >= self.vocabulary)[0])
                raise DataError(
                    f"Row {row} of '{examples.path}' has the token {X[row].max()}, and the model knows those from 0 to "
                    f"{self.vocabulary - 1}; encode the texts with the vocabulary of the training."
                )
            return X
        mean, scale = np.array(self.mean, np.float32), np.array(self.scale, np.float32)
        encoded = (X.astype(np.float32) - mean) / scale
        if examples.lengths is not None:
            encoded[np.arange(X.shape[1]) >= examples.lengths[:, None]] = 0
        return encoded

    def decode(self, encoded: NDArray) -> NDArray:
        """What `encode` made, in the units of the data."""
        return encoded * np.array(self.scale, np.float32) + np.array(self.mean, np.float32)

    @property
    def rule(self) -> ImageRule:
        """How image files become rows of this model.

        Raises
        ------
        DataError
            When they cannot.
        """
        if self.form != "image" or self.peak == 0 or self.shape[-1] not in (1, 3):
            raise DataError(
                f"The model takes {self.form}s of shape {self.shape} as numbers, not as files; use an .npz file."
            )
        return ImageRule(*self.shape)

    def of_files(self, examples: Examples) -> Examples:
        """Rows read from files, in the unit of the arrays the model was trained on."""
        if self.peak == 255:
            return examples
        X = examples.X.astype(np.float32) * np.float32(self.peak / 255)
        return Examples(
            "image", X, examples.path, examples.target, None, examples.part, examples.sources, examples.notes
        )

    def to_json(self) -> str:
        """The encoder as a JSON string; `from_json` is its inverse."""
        document = {"version": VERSION, **asdict(self), "target": {"kind": self.target.kind, **asdict(self.target)}}
        if self.form != "text":  # earlier releases read these
            document["version"] = 1
            del document["vocabulary"]
        return json.dumps(document, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> ArrayEncoder:
        """Read what `to_json` wrote.

        Parameters
        ----------
        text : str

        Raises
        ------
        DataError
            When the text is not such a description, or a newer release wrote it.
        """
        try:
            document = json.loads(text)
            version = document.pop("version")
            if isinstance(version, int) and version > VERSION:
                raise DataError(
                    f"The model's description of its data has version {version} and this release reads {VERSION}; "
                    "update descend."
                )
            encoder = cls(**{**_tuples(document), "target": target_from(document["target"])})
            encoder._check()
            return encoder
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError("The model's description of its data is damaged; train the model again.") from None

    def _check(self) -> None:
        sizes = all(type(n) is int and n > 0 for n in self.shape)
        numbers = all(type(n) in (int, float) and np.isfinite(n) for n in (*self.mean, *self.scale, self.peak))
        text = self.form == "text"
        fits = len(self.shape) == {"image": 3, "sequence": 2, "text": 1}.get(self.form, 0)
        fits = fits and len(self.mean) == (0 if text else self.shape[-1])
        if not (
            self.form in FORMS
            and sizes
            and numbers
            and fits
            and len(self.scale) == len(self.mean)
            and 0 not in self.scale
            and isinstance(self.variable, bool)
            and type(self.vocabulary) is int
            and (self.vocabulary > 0) == text
        ):
            raise ValueError("a field does not fit")


def _tuples(document: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in document.items()}


def _peak(examples: Examples) -> float:
    X = examples.X
    if examples.form != "image":
        return 0.0
    if X.dtype == np.uint8:
        return 255.0
    low, high = float(X.min()), float(X.max())
    if low < 0 or high > 255:
        return 0.0
    return 1.0 if high <= 1 else 255.0
