"""Recognizes rows that a model was trained or validated on, by a sample of their hashes that the model file keeps.

A number for every row would make the files of small networks grow many times over. So of many rows only those with the
smallest hashes are kept: hashes are spread evenly, so in any other table the rows with hashes as small are a fair
sample, too, and the share of them that is known estimates that of all. Nothing is said of single rows, and nothing is
refused.

The hashes are computed here, since those of libraries change from release to release and a model file lasts longer.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from descend.data.errors import DataError
from descend.wording import agreeing, counted

#: Hashes kept at most: 16 kB, and 22 kB as the text in a model file.
SAMPLE = 2048
#: Rows hashed at a time.
BLOCK = 65_536


def encoded_hashes(X: NDArray[np.float32], y: NDArray) -> NDArray[np.uint64]:
    """A number per row, the same for equal rows wherever and whenever it is computed: (rows,).

    Every number's bits times an odd random multiplier of its column's, summed modulo 2^64 and then mixed as SplitMix64
    does: a multilinear hash.

    Parameters
    ----------
    X : (rows, features) float32
        Encoded, without NaN.
    y : (rows,) class numbers, or float64

    References
    ----------
    G. L. Steele, D. Lea and C. H. Flood, Fast splittable pseudorandom number generators, OOPSLA 2014.
    """
    raw = np.random.Philox(key=[0, 0]).random_raw(X.shape[1] + 1)
    multipliers = np.asarray(raw, dtype=np.uint64) | np.uint64(1)
    truth = (y + 0.0).view(np.uint64) if y.dtype == np.float64 else y.astype(np.int64).view(np.uint64)
    result = _mixed(truth) * multipliers[-1]
    for start in range(0, len(X), BLOCK):
        rows = slice(start, start + BLOCK)
        bits = np.ascontiguousarray(X[rows] + np.float32(0.0)).view(np.uint32)  # -0 becomes 0
        result[rows] += bits.astype(np.uint64) @ multipliers[:-1]
    return _mixed(result)


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


@dataclass(frozen=True)
class KnownRows:
    """The smallest hashes of the rows a model has seen.

    Attributes
    ----------
    hashes : (kept,) uint64
        Ascending, all different.
    whole : bool
        Whether they are all of them.
    """

    hashes: NDArray[np.uint64]
    whole: bool

    @classmethod
    def of(cls, hashes: NDArray[np.uint64]) -> KnownRows:
        """Keep what is needed of all rows' hashes.

        Parameters
        ----------
        hashes : (rows,) uint64
        """
        different = np.unique(hashes)
        return cls(different[:SAMPLE], len(different) <= SAMPLE)

    def to_record(self) -> dict[str, str | bool]:
        """The same as data that fit in JSON; `from_record` is its inverse."""
        return {"whole": self.whole, "hashes": base64.b64encode(self.hashes.astype("<u8").tobytes()).decode()}

    @classmethod
    def from_record(cls, record: dict[str, str | bool]) -> KnownRows:
        """Read what `to_record` wrote.

        Raises
        ------
        DataError
            When it is something else.
        """
        try:
            data = base64.b64decode(str(record["hashes"]), validate=True)
            return cls(np.frombuffer(data, dtype="<u8").astype(np.uint64), record["whole"] is True)
        except (KeyError, TypeError, ValueError, binascii.Error):
            raise DataError("The model's record of its rows is damaged; train the model again.") from None

    def note(self, hashes: NDArray[np.uint64]) -> list[str]:
        """A sentence when some rows of a table are known.

        Parameters
        ----------
        hashes : (rows,) uint64
            Computed as those of training were.
        """
        if not len(self.hashes) or not len(hashes):
            return []
        sample = hashes if self.whole else hashes[hashes <= self.hashes[-1]]
        known = int(np.isin(sample, self.hashes).sum())
        if not known:
            return []
        which = "that the model was trained or validated on, target included"
        if len(sample) == len(hashes):
            begin = (
                f"{known:,} of {counted(len(hashes), 'row')} {agreeing(known, 'equals a row', 'equal rows')} {which}"
            )
        else:
            share = max(1, round(100 * known / len(sample)))
            begin = f"about {share}% of the {counted(len(hashes), 'row')} equal rows {which} (by a sample)"
        return [f"{begin}; where they are the same cases, the scores are too good for new ones."]
