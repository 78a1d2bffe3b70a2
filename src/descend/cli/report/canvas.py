"""What the report's pictures share: figures without a display, text that cannot break them, SVG that is the same
bytes for the same run.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
