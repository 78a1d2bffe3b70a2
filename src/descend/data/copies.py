"""Counts rows that stand in several parts of a split. Says so; moves and removes none.

Equal rows are not always one row twice: in a table of few values different cases look alike, and a part without such
cases would be no sample of what is to come. So rows are split one by one, and who knows where they come from decides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from descend.data.examples import Examples
from descend.data.splitting import Split
from descend.wording import agreeing, counted


def row_hashes(columns: Sequence[pl.Series], rows: NDArray[np.intp]) -> NDArray[np.uint64]:
    """A number per row of a table that is the same for equal rows, and different for any others but once in 10^7 tables
    of a million rows.

    Parameters
    ----------
    columns : sequence of polars.Series
        Of all rows; missing cells equal each other.
    rows : (rows,) int array
        The rows wanted.

    Returns
    -------
    (rows,)
    """
    frame = pl.DataFrame([series.rename(str(i)) for i, series in enumerate(columns)])
    return frame[rows].hash_rows().to_numpy()


def example_hashes(examples: Examples, y: NDArray) -> NDArray[np.uint64]:
    """The same for images, sequences and texts with their targets.

    Parameters
    ----------
    examples : Examples
    y : (rows,) class numbers, or numbers in the target's unit

    Returns
    -------
    (rows,)
    """
    X = np.ascontiguousarray(examples.X)
    more = [np.asarray(y)] if examples.lengths is None else [np.asarray(y), examples.lengths]
    digests = bytearray()
    for i in range(len(X)):
        digest = hashlib.blake2b(X[i].tobytes(), digest_size=8)
        for part in more:
            digest.update(part[i].tobytes())
        digests += digest.digest()
    return np.frombuffer(bytes(digests), dtype=np.uint64)


def copies_note(hashes: NDArray[np.uint64], split: Split) -> list[str]:
    """A sentence when rows to test or to validate on equal rows to train on.

    Parameters
    ----------
    hashes : (rows,) uint64
        Of features and target.
    split : Split
    """
    known = pl.Series(hashes[split.train]).unique()
    found = [
        (int(pl.Series(hashes[part]).is_in(known.implode()).sum()), len(part), what)
        for part, what in ((split.test, "test"), (split.validation, "validate"))
    ]
    told = [f"{count:,} of {counted(rows, 'row')} to {what} on" for count, rows, what in found if count]
    if not told:
        return []
    number = sum(count for count, *_ in found)
    return [
        f"{' and '.join(told)} {agreeing(number, 'equals a row', 'equal rows')} to train on, target included; if the "
        "data hold rows twice, remove the copies, on which scores are too good, and if they are different cases that "
        "look alike, leave them."
    ]
