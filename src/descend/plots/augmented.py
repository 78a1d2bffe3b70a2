"""Images or sequences beside what a network sees of them in training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from descend.plots.checking import check_figure, check_network
from descend.plots.style import MUTED, color, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from descend.model import Network

#: More rows or draws than this would be too small to see.
_MOST = 20

#: Channels of sequences that are drawn as lines.
_LINES = 7


def augmented(
    net: Network, X: Any, *, draws: int = 5, rows: int = 4, seed: int = 0, figure: Figure | None = None
) -> NDArray[Any]:
    """Draw rows of X, one below the other, and to their right what random changes the network's first layers make.

    Images (height, width, channels) with three channels are shown in colour, others by their first channel in grey; one
    scale holds for all pictures of a row. Sequences (steps, channels) are lines, one for each channel (at most 7), with
    the original in grey behind. What is shown is `net.augment(X, seed=...)`, for the seeds from `seed` on.

    Parameters
    ----------
    net : Network
        Begins with layers that augment.
    X : array-like of shape (n, *input_shape)
        The first `rows` of it are drawn; all are there for layers that mix rows.
    draws : int
        How many changes of each row to show, from 1 to 20.
    rows : int
        How many rows to show at most, from 1 to 20.
    seed : int
        Of the first draw.
    figure : matplotlib Figure, optional
        Where to draw; a new figure when not given.

    Returns
    -------
    ndarray of matplotlib Axes of shape (rows, 1 + draws)

    Raises
    ------
    ValueError
        When the network does not augment, its rows are no images or sequences, or a number is out of its range.
    """
    check_network(net)
    check_figure(figure)
    for name, number in (("draws", draws), ("rows", rows)):
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= _MOST:
            raise ValueError(f"{name} must be an integer from 1 to {_MOST}, got {number!r}")
    plain = net.augment(X, seed=None)[:rows]
    if not len(plain):
        raise ValueError("X must hold at least one row, got none")
    if plain.ndim not in (3, 4):
        raise ValueError(
            f"X must hold images (height, width, channels) or sequences (steps, channels) to be drawn, but the network "
            f"augments rows of shape {plain.shape[1:]}; look at net.augment(X) instead"
        )
    drawn = [net.augment(X, seed=seed + k)[:rows] for k in range(draws)]
    images = plain.ndim == 4
    axes = _grid(figure, len(plain), 1 + draws, (1.35, 1.45) if images else (2.0, 1.3), images)
    for r, line in enumerate(axes):
        pictures = [plain[r], *(some[r] for some in drawn)]
        for k, (ax, picture) in enumerate(zip(line, pictures, strict=True)):
            if images:
                _image(ax, picture, pictures)
            else:
                _sequence(ax, picture, plain[r] if k else None)
            if not r:
                ax.set_title("original" if k == 0 else f"draw {k}", fontsize="medium")
        line[0].set_ylabel(f"row {r}", color=MUTED)
    if not images:
        for ax in axes[-1]:
            ax.set_xlabel("step", color=MUTED)
        axes[0, 0].figure.align_ylabels(axes[:, 0])
    return axes


def _grid(figure: Figure | None, rows: int, columns: int, size: tuple[float, float], images: bool) -> NDArray[Any]:
    if figure is None:
        import matplotlib.pyplot as plt

        figure = plt.figure(figsize=(size[0] * columns + 0.4, size[1] * rows + 0.4), layout="constrained")
    return figure.subplots(rows, columns, squeeze=False, sharex=not images, sharey=False if images else "row")


def _image(ax: Axes, image: NDArray, all_of_row: list[NDArray]) -> None:
    colored = image.shape[-1] == 3
    shown = [one if colored else one[..., 0] for one in all_of_row]
    low, high = min(one.min() for one in shown), max(one.max() for one in shown)
    if colored:
        ax.imshow((image - low) / (high - low or 1.0))
    else:
        ax.imshow(image[..., 0], cmap="gray", vmin=low, vmax=high)
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_color("#BBBBBB")


def _sequence(ax: Axes, sequence: NDArray, original: NDArray | None) -> None:
    for channel in range(min(sequence.shape[-1], _LINES)):
        if original is not None:
            ax.plot(original[:, channel], color="#BBBBBB", linewidth=1.0, zorder=1)
        ax.plot(sequence[:, channel], color=color(channel), linewidth=1.3, zorder=2)
    tidy(ax)
    ax.tick_params(labelsize="small", colors=MUTED)
