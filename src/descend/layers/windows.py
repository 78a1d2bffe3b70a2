"""Where windows lie that slide over an image: the geometry of convolutions and pools. No arithmetic on pixels.

The image is the larger side (what a convolution or a pool reads, what a transposed convolution writes), the grid the
smaller one: window (i, j) of the grid covers the pixels i * stride - before + k * dilation. A sequence is an image of
height 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from descend.layers.base import Layer, Shape

Padding = Literal["valid", "same"]
Pair = tuple[int, int]

#: Largest kernel, stride or dilation along an axis.
MAX_WINDOW = 2**16

_AXES = {1: "(length, channels)", 2: "(height, width, channels)"}


@dataclass(frozen=True)
class Window:
    """A sliding window; every field is (along the height, along the width).

    Attributes
    ----------
    image, grid : sizes of the larger and the smaller side
    size : pixels in a window
    strides : between neighbouring windows
    dilation : between neighbouring pixels of a window
    before : how many pixels the first window begins before the image
    """

    image: Pair
    grid: Pair
    size: Pair
    strides: Pair = (1, 1)
    dilation: Pair = (1, 1)
    before: Pair = (0, 0)

    @property
    def taps(self) -> int:
        """Pixels in a window."""
        return self.size[0] * self.size[1]


def check_sizes(layer: Layer, name: str, value: object, axes: int) -> tuple[int, ...]:
    """A field as a tuple of one positive integer per axis; a single integer counts for all.

    Raises
    ------
    TypeError, ValueError
        when it is neither.
    """
    sizes = (value,) * axes if isinstance(value, int) and not isinstance(value, bool) else value
    owner = type(layer).__name__
    wanted = "an integer" if axes == 1 else f"an integer or {axes} integers"
    if not isinstance(sizes, tuple | list) or any(isinstance(n, bool) or not isinstance(n, int) for n in sizes):
        raise TypeError(f"{owner}: {name} must be {wanted}, got {value!r}")
    if len(sizes) != axes:
        raise ValueError(f"{owner}: {name} must be {wanted}, got {value!r}")
    if any(not 1 <= n <= MAX_WINDOW for n in sizes):
        raise ValueError(f"{owner}: {name} must be from 1 to {MAX_WINDOW}, got {value!r}")
    return tuple(sizes)


def check_padding(layer: Layer, padding: object) -> None:
    """Refuse anything but "valid" and "same"."""
    if padding not in ("valid", "same"):
        raise ValueError(f"{type(layer).__name__}: padding must be 'valid' or 'same', got {padding!r}")


def image_of(layer: Layer, shape: Shape, axes: int) -> Pair:
    """The (height, width) of rows of an image, or (1, length) of a sequence.

    Raises
    ------
    ValueError
        for rows of another number of axes.
    """
    if len(shape) != axes + 1:
        remedy = "put a Reshape before it" if len(shape) != axes else "add the channels with X[..., None] or a Reshape"
        raise ValueError(f"{label(layer)}: needs rows of shape {_AXES[axes]}, got rows of shape {shape}; {remedy}")
    return pair(shape[:-1], 1)


def pair(sizes: tuple[int, ...], fill: int) -> Pair:
    """One or two sizes as two; `fill` is the missing height's."""
    return (fill, sizes[0]) if len(sizes) == 1 else (sizes[0], sizes[1])


def axes_of(sizes: Pair, axes: int) -> tuple[int, ...]:
    """The last one or both of two sizes."""
    return sizes[2 - axes :]


def label(layer: Layer) -> str:
    """How messages call a layer."""
    return type(layer).__name__ + (f" {layer.name!r}" if layer.name else "")


def slide(layer: Layer, image: Pair, size: Pair, strides: Pair, dilation: Pair, padding: Padding) -> Window:
    """The window over an image: "valid" windows lie inside it; "same" ones give ceil(image / stride) of them.

    Raises
    ------
    ValueError
        when no window fits.
    """
    grid, before = [], []
    for axis in (0, 1):
        reach = (size[axis] - 1) * dilation[axis] + 1
        if padding == "same":
            count = -(-image[axis] // strides[axis])
            missing = max((count - 1) * strides[axis] + reach - image[axis], 0)
        else:
            count, missing = (image[axis] - reach) // strides[axis] + 1, 0
        if count < 1:
            dilated = f", {reach} pixels with its dilation" if dilation[axis] > 1 else ""
            raise ValueError(
                f"{label(layer)}: a window of {_show(size)}{dilated} does not fit into rows of {_show(image)}; use "
                "padding='same', a smaller window, or fewer layers that shrink the rows before it"
            )
        grid.append(count)
        before.append(missing // 2)
    return Window(image, (grid[0], grid[1]), size, strides, dilation, (before[0], before[1]))


def spread(grid: Pair, size: Pair, strides: Pair, dilation: Pair, padding: Padding) -> Window:
    """The window by which a transposed convolution makes an image out of a grid.

    The image is as large as one over which `slide` would give this grid: grid * stride for "same", and
    grid * stride + max(reach - stride, 0) for "valid", with reach = (size - 1) dilation + 1.
    """
    image, before = [], []
    for axis in (0, 1):
        reach, full = (size[axis] - 1) * dilation[axis] + 1, grid[axis] * strides[axis]
        if padding == "same":
            image.append(full)
            before.append(max((grid[axis] - 1) * strides[axis] + reach - full, 0) // 2)
        else:
            image.append(full + max(reach - strides[axis], 0))
            before.append(0)
    return Window((image[0], image[1]), grid, size, strides, dilation, (before[0], before[1]))


def _show(sizes: Pair) -> str:
    return f"{sizes[0]} x {sizes[1]}" if sizes[0] > 1 else str(sizes[1])
