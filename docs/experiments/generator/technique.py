"""What a page says about a technique. The texts are in the modules beside this one, one per family."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Technique:
    """A technique's page.

    Attributes
    ----------
    name : of the file, without ending
    title : of the page
    what : what it does, in a sentence or two
    formula : lines of plain text
    source : where it comes from
    code : about five lines that run, after `PREAMBLE`; what they print is shown
    experiments : names of the experiments on the page
    use, avoid : what to use it for, and when not to, from the numbers and the definition
    """

    name: str
    title: str
    what: str
    formula: str
    source: str
    code: str
    experiments: tuple[str, ...]
    use: str
    avoid: str


#: Run before every page's code; shown once, in the index.
PREAMBLE = """\
from sklearn.datasets import load_digits
from descend import Network, callbacks, initializers, layers, losses, optimizers, penalties, schedules

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = X[:1200] / 16, X[1200:] / 16, y[:1200], y[1200:]
"""
