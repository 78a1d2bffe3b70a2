"""The ops of a plan that change rows at random in training, and only then. No arithmetic.

Streams of random numbers count as in `ops.Dropout`.
"""

from __future__ import annotations

from dataclasses import dataclass

from descend.layers.windows import Pair
from descend.plan.op import Op

#: From a lowest to a highest number, between which one is drawn evenly.
Range = tuple[float, float]

#: What a `Move` may do.
MOTIONS = ("flip", "shift", "turn", "zoom", "shear", "crop")

#: What stands for pixels outside an image.
FILL_MODES = ("constant", "nearest", "reflect", "wrap")


@dataclass(frozen=True)
class Mix(Op):
    """Training: s x_r + (1 - s) x_q for each row r of the plan's input; the loss mixes the targets likewise.

    s is drawn from Beta(alpha, alpha) and q from the batch's rows. `by_feature`: a feature is x_r's with probability s,
    else x_q's, and s for the targets is the share of features that are x_r's. Of an `image` (height, width) those of
    x_q are a rectangle around a random pixel, of about the share 1 - s and cut at the border; a sequence has height 1.
    """

    alpha: float
    by_feature: bool
    stream: int
    image: Pair | None = None


@dataclass(frozen=True)
class SwapNoise(Op):
    """Training: an element of the input is replaced at `rate` by the same feature of a row drawn from the batch."""

    rate: float
    stream: int


@dataclass(frozen=True)
class Move:
    """One random motion of an image about its centre, as positions (y, x) in the result are traced back to the image.

    Two numbers are drawn, v_y from `y` and v_x from `x`; v_x = v_y if they are `tied`. With sizes (H, W) of the image:

    ========  ==========================================================
    "flip"    (-y, x) with probability y[0], (y, -x) with probability x[0]
    "shift"   (y - v_y H, x - v_x W)
    "turn"    counter-clockwise by v_y turns
    "zoom"    ((1 + v_y) y, (1 + v_x) x)
    "shear"   (y + v_y x, x + v_x y)
    "crop"    (y + v_y, x + v_x), whole numbers counted from the corner of the image; comes alone
    ========  ==========================================================
    """

    motion: str
    y: Range
    x: Range
    tied: bool = False


@dataclass(frozen=True)
class Warp(Op):
    """Training: each pixel of the result reads its place in the image, which `moves` and `speed` have moved.

    Inference: the image itself, or its middle where the result is of another size.

    Attributes
    ----------
    image, grid : (height, width) of what is read and written; a sequence has height 1
    moves : one after the other
    nearest : read the nearest pixel instead of the line between pixels
    fill_mode, fill_value : one of FILL_MODES, and the constant
    speed : with `knots`, the pace along the width is drawn from 1 - speed to 1 + speed at so many evenly spaced places
    """

    image: Pair
    grid: Pair
    moves: tuple[Move, ...]
    nearest: bool
    fill_mode: str
    fill_value: float
    speed: float
    knots: int
    stream: int


@dataclass(frozen=True)
class Adjust(Op):
    """Training: m + s (x - m) + d, cut to `limits`, with s from `scale` and d from `shift`.

    m is the mean of a channel over all positions with `about_mean`, else 0. s is drawn for every channel with
    `by_channel`; d, and else s too, for a row.
    """

    scale: Range
    shift: Range
    about_mean: bool
    by_channel: bool
    limits: Range
    stream: int


@dataclass(frozen=True)
class Erase(Op):
    """Training: with probability `rate` a rectangle of the image becomes `fill_value`.

    With `size` it is of that size around a pixel of the image, and cut at its border. Otherwise its area is a share of
    the image drawn from `scale`, its height through its width is drawn from `ratio` (evenly in the logarithm), and it
    lies inside the image.
    """

    image: Pair
    rate: float
    size: Pair | None
    scale: Range
    ratio: Range
    fill_value: float
    stream: int


AUGMENTATIONS = Mix | SwapNoise | Warp | Adjust | Erase
