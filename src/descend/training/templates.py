"""Paths with the epoch and its numbers filled in, such as "model_{epoch:03d}_{val_loss:.3f}.descend"."""

from __future__ import annotations

import os
import string
from collections.abc import Mapping, Sequence
from pathlib import Path


class PathTemplate:
    """A path in which columns of a history stand in braces, with a format as `str.format` takes it.

    Parameters
    ----------
    path : str or path
        ``{{`` and ``}}`` stand for braces themselves.

    Attributes
    ----------
    names : tuple of str
        The columns it takes, each once.

    Raises
    ------
    TypeError
        When it is no path.
    ValueError
        When what is in braces is no name with a format for numbers.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.text = str(Path(path))
        try:
            names = [name for _, name, _, _ in string.Formatter().parse(self.text) if name is not None]
            self.names = tuple(dict.fromkeys(names))
            if any(not name or name.isdigit() or set(name) & set(".[") for name in names):
                raise ValueError("braces must hold a name")
            self.filled({name: [1] if name == "epoch" else [0.5] for name in names})
        except (ValueError, LookupError) as error:
            raise ValueError(
                f"path {self.text!r} does not say what to fill in ({error}); write columns of the history in braces, "
                "such as 'model_{epoch:03d}_{val_loss:.3f}.descend', and {{ or }} for a brace itself"
            ) from None

    def filled(self, columns: Mapping[str, Sequence[float]]) -> Path:
        """The path with the last entry of each column.

        Parameters
        ----------
        columns : mapping of names to lists
            With at least those in `names`.
        """
        return Path(self.text.format_map({name: columns[name][-1] for name in self.names}))
