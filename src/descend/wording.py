"""Numbers with their words in sentences: one row, two rows. Knows nothing of what is counted."""

from __future__ import annotations


def counted(number: int, one: str, several: str | None = None) -> str:
    """A number, with commas between thousands, and the words that agree with it.

    Parameters
    ----------
    number : int
    one : str
        What follows 1, such as "row" or "row has".
    several : str, optional
        What follows any other number; `one` with an s when not given.

    Examples
    --------
    >>> counted(1, "row"), counted(2000, "row"), counted(0, "class", "classes")
    ('1 row', '2,000 rows', '0 classes')
    """
    return f"{number:,} {agreeing(number, one, several)}"


def agreeing(number: int, one: str, several: str | None = None) -> str:
    """The words of `counted` without the number.

    Parameters
    ----------
    number : int
    one : str
    several : str, optional
    """
    return one if number == 1 else f"{one}s" if several is None else several
