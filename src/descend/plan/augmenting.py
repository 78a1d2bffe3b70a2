"""Layers that change rows at random in training: how they are lowered, checked and printed."""

from __future__ import annotations

import math

from descend import layers
from descend.layers.factors import Factor, range_of
from descend.layers.windows import Pair, image_of, pair
from descend.plan import augmentations, ops
from descend.plan.builder import PlanBuilder
from descend.plan.lowering import _name, lower_layer
from descend.plan.plan import Plan
from descend.plan.printing import describe_op
from descend.plan.sources import mixing_fault
from descend.plan.validator import _check_same_shape, _require, _shapes, check_op

_NONE = (0.0, 0.0)


@lower_layer.register(layers.Mixup)
@lower_layer.register(layers.CutMix)  # a union as annotation is understood from Python 3.11 on
def _(layer: layers.Mixup | layers.CutMix, builder: PlanBuilder, value: int) -> int:
    name, shape = _name(layer), layer.output_shape(builder.shape(value))
    stream, cuts = builder.stream(), isinstance(layer, layers.CutMix)
    image = pair(shape[:-1], 1) if cuts and len(shape) in (2, 3) else None
    return builder.add(name, shape, lambda out: ops.Mix(name, (value,), out, layer.alpha, cuts, stream, image))


@lower_layer.register
def _(layer: layers.SwapNoise, builder: PlanBuilder, value: int) -> int:
    name, shape, stream = _name(layer), layer.output_shape(builder.shape(value)), builder.stream()
    return builder.add(name, shape, lambda out: ops.SwapNoise(name, (value,), out, layer.rate, stream))


def _moves(layer: layers.Layer) -> tuple[ops.Move, ...]:
    """What a layer does to an image, in order."""
    if isinstance(layer, layers.RandomFlip):
        return (_flip(layer.mode),)
    if isinstance(layer, layers.RandomTranslation):
        return (ops.Move("shift", range_of(layer.height_factor), range_of(layer.width_factor)),)
    if isinstance(layer, layers.RandomTimeShift):
        return (ops.Move("shift", _NONE, range_of(layer.factor)),)
    if isinstance(layer, layers.RandomRotation):
        return (ops.Move("turn", range_of(layer.factor), _NONE),)
    if isinstance(layer, layers.RandomZoom):
        return (_zoom(layer.height_factor, layer.width_factor),)
    if isinstance(layer, layers.RandomShear):
        return (ops.Move("shear", range_of(layer.y_factor), range_of(layer.x_factor)),)
    if isinstance(layer, layers.RandomAffine):
        moves = (
            *((_flip(layer.flip),) if layer.flip else ()),
            ops.Move("turn", range_of(layer.rotation), _NONE),
            ops.Move("shear", _NONE, range_of(layer.shear)),
            _zoom(layer.zoom, None),
            ops.Move("shift", range_of(layer.height_shift), range_of(layer.width_shift)),
        )
        return tuple(move for move in moves if move.motion == "flip" or (move.y, move.x) != (_NONE, _NONE))
    return ()


def _flip(mode: layers.FlipMode) -> ops.Move:
    up, side = 0.5 * (mode != "horizontal"), 0.5 * (mode != "vertical")
    return ops.Move("flip", (up, up), (side, side))


def _zoom(height: Factor, width: Factor | None) -> ops.Move:
    return ops.Move("zoom", range_of(height), range_of(height if width is None else width), tied=width is None)


@lower_layer.register(layers.RandomFlip)
@lower_layer.register(layers.RandomTimeWarp)
@lower_layer.register(layers.Warping)
def _(layer: layers.Warping | layers.RandomFlip | layers.RandomTimeWarp, builder: PlanBuilder, value: int) -> int:
    name, shape, stream = _name(layer), layer.output_shape(builder.shape(value)), builder.stream()
    image = pair(shape[:-1], 1)
    nearest = isinstance(layer, layers.RandomFlip) or layer.interpolation == "nearest"
    fill = (layer.fill_mode, layer.fill_value) if isinstance(layer, layers.Warping) else ("nearest", 0.0)
    pace = (layer.factor, layer.knots) if isinstance(layer, layers.RandomTimeWarp) else (0.0, 0)
    moves = _moves(layer)
    return builder.add(
        name, shape, lambda out: ops.Warp(name, (value,), out, image, image, moves, nearest, *fill, *pace, stream)
    )


@lower_layer.register(layers.Crop)
def _(layer: layers.Crop, builder: PlanBuilder, value: int) -> int:
    name, before, stream = _name(layer), builder.shape(value), builder.stream()
    shape, image, size = layer.output_shape(before), image_of(layer, before, layer.axes), layer.size()
    y, x = ((float(-pad), float(whole + pad - n)) for n, whole, pad in zip(size, image, layer.around(), strict=True))
    moves = (ops.Move("crop", y, x),)
    return builder.add(
        name,
        shape,
        lambda out: ops.Warp(
            name, (value,), out, image, size, moves, True, "constant", layer.fill_value, 0.0, 0, stream
        ),
    )


@lower_layer.register(layers.Intensity)
@lower_layer.register(layers.RandomScaling)
def _(layer: layers.Intensity | layers.RandomScaling, builder: PlanBuilder, value: int) -> int:
    name, shape, stream = _name(layer), layer.output_shape(builder.shape(value)), builder.stream()
    low, high = range_of(layer.factor)
    by_channel = isinstance(layer, layers.RandomScaling) and layer.by_channel
    limits = None if isinstance(layer, layers.RandomScaling) else layer.value_range
    scale, shift = (1.0 + low, 1.0 + high), _NONE
    if isinstance(layer, layers.RandomBrightness):
        size = 1.0 if limits is None else limits[1] - limits[0]
        scale, shift = (1.0, 1.0), (low * size, high * size)
    about_mean, cut = isinstance(layer, layers.RandomContrast), limits or (-math.inf, math.inf)
    return builder.add(
        name, shape, lambda out: ops.Adjust(name, (value,), out, scale, shift, about_mean, by_channel, cut, stream)
    )


@lower_layer.register(layers.RandomErasing)
@lower_layer.register(layers.Cutout)
def _(layer: layers.RandomErasing | layers.Cutout, builder: PlanBuilder, value: int) -> int:
    name, shape, stream = _name(layer), layer.output_shape(builder.shape(value)), builder.stream()
    image = pair(shape[:-1], 1)
    if isinstance(layer, layers.Cutout):
        rate, size, scale, ratio = 1.0, _sides(layer), _NONE, (1.0, 1.0)
    else:
        rate, size, scale, ratio = layer.factor, None, layer.scale, layer.ratio
    fill = layer.fill_value
    return builder.add(
        name,
        shape,
        lambda out: ops.Erase(name, (value,), out, image, rate, size, scale, ratio, fill, stream),
    )


def _sides(layer: layers.Cutout) -> Pair:
    return pair(layer.size, 1) if isinstance(layer.size, tuple) else (layer.size, layer.size)


@check_op.register
def _(op: ops.Mix, plan: Plan) -> tuple[int, ...]:
    _check_mixing(op, plan)
    _require(0 < op.alpha < math.inf, f"op {op.name} has alpha {op.alpha}, which is not positive")
    _require(op.stream >= 0, f"op {op.name} has random stream {op.stream}")
    positions = plan.values[op.output].positions
    _require(
        op.image is None or (op.by_feature and math.prod(op.image) == positions),
        f"op {op.name} cuts images of {op.image}, but reads {positions} pixels",
    )
    return ()


@check_op.register
def _(op: ops.SwapNoise, plan: Plan) -> tuple[int, ...]:
    _check_mixing(op, plan)
    _require(0 <= op.rate < 1, f"op {op.name} has rate {op.rate}, which is not in [0, 1)")
    _require(op.stream >= 0, f"op {op.name} has random stream {op.stream}")
    return ()


def _check_mixing(op: ops.Op, plan: Plan) -> None:
    _check_same_shape(op, plan)
    if isinstance(op, ops.Mix):
        fault = mixing_fault(plan)
        _require(fault is None, fault or "")


@check_op.register
def _(op: ops.Warp, plan: Plan) -> tuple[int, ...]:
    before, after = _shapes(op, plan)
    fits = math.prod(before[:-1]) == math.prod(op.image) and math.prod(after[:-1]) == math.prod(op.grid)
    _require(fits and before[-1] == after[-1], f"op {op.name} turns shape {before} into {after}, which no warp does")
    _require(op.fill_mode in augmentations.FILL_MODES, f"op {op.name} fills with the unknown mode {op.fill_mode!r}")
    _require(math.isfinite(op.fill_value), f"op {op.name} fills with {op.fill_value}")
    for move in op.moves:
        _require(move.motion in augmentations.MOTIONS, f"op {op.name} has the unknown motion {move.motion!r}")
        _require(_ordered(move.y) and _ordered(move.x), f"op {op.name} has a motion from {move.y} and {move.x}")
    crops = [move.motion for move in op.moves] == ["crop"]
    _require(op.image == op.grid or crops, f"op {op.name} changes the size of images without a crop alone")
    _require(0 <= op.speed < 1, f"op {op.name} changes the pace by {op.speed}, which is not in [0, 1)")
    timed = op.knots == 0 or (2 <= op.knots <= layers.MAX_KNOTS and op.image[0] == 1 and not op.moves)
    _require(timed, f"op {op.name} has {op.knots} knots, but warps no sequence")
    _require(op.stream >= 0, f"op {op.name} has random stream {op.stream}")
    return ()


def _ordered(bounds: ops.Range) -> bool:
    return -math.inf < bounds[0] <= bounds[1] < math.inf


@check_op.register
def _(op: ops.Adjust, plan: Plan) -> tuple[int, ...]:
    _check_same_shape(op, plan)
    _require(_ordered(op.scale) and _ordered(op.shift), f"op {op.name} draws from {op.scale} and {op.shift}")
    _require(op.limits[0] < op.limits[1], f"op {op.name} cuts to {op.limits}")
    _require(op.stream >= 0, f"op {op.name} has random stream {op.stream}")
    return ()


@check_op.register
def _(op: ops.Erase, plan: Plan) -> tuple[int, ...]:
    positions = math.prod(_check_same_shape(op, plan)[:-1])
    _require(math.prod(op.image) == positions, f"op {op.name} erases {op.image} pixels, but reads {positions}")
    _require(0 <= op.rate <= 1, f"op {op.name} has rate {op.rate}, which is not in [0, 1]")
    _require(op.size is None or min(op.size) > 0, f"op {op.name} erases rectangles of {op.size}")
    _require(_ordered(op.scale) and op.scale[0] >= 0 and op.scale[1] <= 1, f"op {op.name} erases a share {op.scale}")
    _require(_ordered(op.ratio) and op.ratio[0] > 0, f"op {op.name} erases rectangles of the ratio {op.ratio}")
    _require(math.isfinite(op.fill_value), f"op {op.name} fills with {op.fill_value}")
    _require(op.stream >= 0, f"op {op.name} has random stream {op.stream}")
    return ()


@describe_op.register
def _(op: ops.Mix) -> tuple[str, tuple[int | None, ...], str]:
    cuts = f" of {_size(op.image)}" if op.image else ""
    return "cutmix" if op.by_feature else "mixup", (), f"alpha={op.alpha:g} stream={op.stream}{cuts}"


@describe_op.register
def _(op: ops.SwapNoise) -> tuple[str, tuple[int | None, ...], str]:
    return "swap_noise", (), f"rate={op.rate:g} stream={op.stream}"


@describe_op.register
def _(op: ops.Warp) -> tuple[str, tuple[int | None, ...], str]:
    parts = [_move(move) for move in op.moves]
    parts += [f"pace={1 - op.speed:g}..{1 + op.speed:g} at {op.knots} knots"] if op.knots else []
    if [move.motion for move in op.moves] != ["flip"] and not op.knots:
        parts.append(f"fill={op.fill_value:g}" if op.fill_mode == "constant" else f"fill={op.fill_mode}")
    return "warp", (), " ".join([*parts, *(["nearest"] if op.nearest else []), f"stream={op.stream}"])


def _move(move: ops.Move) -> str:
    if move.motion == "flip":
        return "flip=" + {(True, True): "both", (True, False): "vertical"}.get(
            (move.y[0] > 0, move.x[0] > 0), "horizontal"
        )
    along = [_span(move.y)] if move.motion == "turn" or move.tied else [_span(move.y), _span(move.x)]
    return f"{move.motion}={','.join(along)}"


def _span(bounds: ops.Range) -> str:
    return f"{bounds[0]:g}..{bounds[1]:g}"


def _size(pair: Pair) -> str:
    return f"{pair[0]}x{pair[1]}"


@describe_op.register
def _(op: ops.Adjust) -> tuple[str, tuple[int | None, ...], str]:
    parts = [f"scale={_span(op.scale)}"] if op.scale != (1.0, 1.0) else []
    parts += [f"shift={_span(op.shift)}"] if op.shift != _NONE else []
    parts += [word for word, on in (("about_mean", op.about_mean), ("by_channel", op.by_channel)) if on]
    parts += [f"limits={_span(op.limits)}"] if op.limits != (-math.inf, math.inf) else []
    return "adjust", (), " ".join([*parts, f"stream={op.stream}"])


@describe_op.register
def _(op: ops.Erase) -> tuple[str, tuple[int | None, ...], str]:
    what = f"scale={_span(op.scale)} ratio={_span(op.ratio)}" if op.size is None else f"size={_size(op.size)}"
    return "erase", (), f"rate={op.rate:g} {what} fill={op.fill_value:g} stream={op.stream}"
