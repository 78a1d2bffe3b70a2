"""What the report's pictures share: figures without a display, text that cannot break them, SVG that is the same
bytes for the same run.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

    from descend.data.targets import NumberTarget

#: Scatter pictures show at most this many points, drawn at random.
MAX_POINTS = 4000
_FONTS = "'DejaVu Sans', Verdana, 'Noto Sans', Arial, sans-serif"
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",  # the browser draws the text: small files, every script
    "svg.hashsalt": "descend",
    "text.parse_math": False,  # a dollar sign in a column's name is a dollar sign
    "font.family": "DejaVu Sans",
    "font.size": 10.0,
    "axes.titlesize": 11.0,
}


@dataclass(frozen=True)
class Picture:
    """A drawn picture: a heading, a sentence on how to read it, and SVG text."""

    title: str
    caption: str
    svg: str


def settings() -> Any:
    """The context in which the report's figures are made and written."""
    import matplotlib

    return matplotlib.rc_context(_SETTINGS)


def new_figure(width: float = 6.4, height: float = 4.6) -> Figure:
    """An empty figure (inches) whose layout keeps labels inside; it never opens a window."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def to_svg(figure: Figure) -> str:
    """The figure as SVG text, points in crowded scatters as pixels.

    Parameters
    ----------
    figure : matplotlib Figure
    """
    buffer = io.StringIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # letters this machine has no font for: the browser may have one
        figure.savefig(
            buffer,
            format="svg",
            dpi=160,
            bbox_inches="tight",  # an image's fixed aspect can push labels past the edge
            pad_inches=0.08,
            metadata={"Date": None, "Creator": "descend"},
        )
    return buffer.getvalue().replace("'DejaVu Sans'", _FONTS)


def short(text: str, length: int = 28) -> str:
    """A name on one line, its middle left out when it is long."""
    text = " ".join(text.split())
    if len(text) <= length:
        return text
    return f"{text[: length * 2 // 3]}…{text[-(length // 3 - 1) :]}"


def axis_name(target: NumberTarget) -> str:
    """A target's name, shortened, with its unit where that is known: duration (seconds)."""
    return short(target.name) + (f" ({target.unit})" if target.unit else "")


def short_names(names: Sequence[str], length: int = 28) -> list[str]:
    """Names on one line each; where shortening makes different ones alike, the words that all share go first.

    Parameters
    ----------
    names : sequence of str
    length : int
        At most so many letters are left.
    """
    lines = [" ".join(name.split()) for name in names]
    cut = [short(line, length) for line in lines]
    if len(set(cut)) == len(set(lines)):
        return cut
    first = _shared(lines)
    rest = [line[first:] for line in lines]
    last = _shared([line[::-1] for line in rest])
    return [short(("…" if first else "") + line[: len(line) - last] + ("…" if last else ""), length) for line in rest]


def _shared(lines: list[str]) -> int:
    """How many letters all begin with, up to the end of the last word among them; all when they are but one word."""
    letters = 0
    while all(len(line) > letters and line[letters] == lines[0][letters] for line in lines):
        letters += 1
    return lines[0].rfind(" ", 0, letters) + 1 or letters


def write_out(*axes: Axis) -> None:
    """Label axes with whole numbers such as 2,500,000 instead of 2.5 and a power beside the axis, few enough to fit.

    Parameters
    ----------
    axes : matplotlib Axis
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    for axis in axes:
        axis.set_major_locator(MaxNLocator(5))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}".replace("-", "\N{MINUS SIGN}")))
