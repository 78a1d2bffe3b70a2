"""The one error of the data layer: something about the user's data that the user can change."""

from __future__ import annotations


class DataError(ValueError):
    """Bad data, said in one sentence that names the problem and the remedy; faces print it without a traceback."""


def some(values: list[str], limit: int = 5) -> str:
    """'a', 'b' and 'c', with the rest counted: for naming columns and values in messages.

    Parameters
    ----------
    values : list of str
    limit : int
        How many are named before the rest is counted.
    """
    shown = [repr(value) for value in values[:limit]]
    if len(values) > limit:
        return ", ".join(shown) + f" and {len(values) - limit} more"
    if len(shown) < 2:
        return "".join(shown)
    return ", ".join(shown[:-1]) + " and " + shown[-1]
