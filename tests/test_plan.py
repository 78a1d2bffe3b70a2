"""Plans: lowering, names, printed form, validator, pairing with losses."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from descend import initializers, layers, losses, penalties
from descend.plan import (
    Plan,
    PlanError,
    Value,
    attach_loss,
    final_function,
    flatten,
    format_plan,
    initial_parameters,
    lower,
    named,
    ops,
    validate,
)
from op_case import OpCase
from ops_cases import CASES

GOLDEN = """\
%0 (32)   = input
%1 (128)  = dense(%0, weight, bias)                                                                 # dense_1
%2 (128)  = batch_norm(%1, gamma, beta, running_mean, running_variance) momentum=0.9 epsilon=1e-05  # batch_norm_1
%3 (128)  = relu(%2)                                                                                # relu_1
%4 (128)  = dropout(%3) rate=0.1 stream=0                                                           # dropout_1
%5 (10)   = dense(%4, weight, bias)                                                                 # dense_2
%6 (10)   = softmax(%5)                                                                             # softmax_1
loss      = cce(softmax(%5), index target) label_smoothing=0.1
return %6

6,026 parameters, 5,770 trained
[0:4096]     dense_1/weight                 (32, 128)  HeUniform      L2(l2=0.001)
[4096:4224]  dense_1/bias                   (128)      Zeros
[4224:4352]  batch_norm_1/gamma             (128)      Ones
[4352:4480]  batch_norm_1/beta              (128)      Zeros
[4480:4608]  batch_norm_1/running_mean      (128)      Zeros          not trained
[4608:4736]  batch_norm_1/running_variance  (128)      Ones           not trained
[4736:6016]  dense_2/weight                 (128, 10)  GlorotUniform
[6016:6026]  dense_2/bias                   (10)       Zeros
"""


def _network() -> list[layers.Layer]:
    return [
        layers.Dense(128, penalty=penalties.L2(0.001)),
        layers.BatchNorm(),
        layers.ReLU(),
        layers.Dropout(0.1),
        layers.Dense(10, activation="softmax"),
    ]


def _small() -> Plan:
    return attach_loss(lower([layers.Dense(3), layers.BatchNorm(), layers.Dropout(0.5), layers.Dense(2)], 4), "mse")


def test_printed_form() -> None:
    plan = attach_loss(lower(_network(), (32,)), losses.CategoricalCrossentropy(0.1), target="index")
    assert format_plan(plan) == GOLDEN


def test_printed_form_of_other_ops() -> None:
    plan = lower([layers.PReLU(), layers.LeakyReLU(0.2), layers.Dense(1, use_bias=False, name="out")], 3)
    lines = format_plan(attach_loss(plan, losses.Huber(2.0))).splitlines()
    assert lines[1].split("#")[0].strip() == "%1 (3)    = prelu(%0, slope)"
    assert lines[2].split("#")[0].strip() == "%2 (3)    = leaky_relu(%1) alpha=0.2"
    assert lines[3].split("#")[0].strip() == "%3 (1)    = dense(%2, weight)"
    assert lines[4] == "loss      = huber(%3, dense target) parameter=2"
    assert format_plan(lower([layers.ReLU()], 3)).endswith("\n\n0 parameters, 0 trained\n")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_case_is_valid_and_printable(case: OpCase) -> None:
    plan = case.plan()
    validate(plan)
    text = format_plan(plan)
    assert all(f"# {op.name}" in text for op in plan.ops)
    assert all(parameter.name in text for parameter in plan.parameters)


def test_default_names_count_per_kind_and_avoid_given_ones() -> None:
    network = [layers.Dense(4, "relu"), layers.Dense(4, "relu", name="dense_2"), layers.Dense(4), layers.ReLU(name="r")]
    assert [op.name for op in lower(network, 4).ops] == ["dense_1", "relu_1", "dense_2", "relu_2", "dense_3", "r"]


@pytest.mark.parametrize(
    ("network", "shape", "error", "message"),
    [
        ([], 3, ValueError, "at least one layer"),
        (layers.Dense(3), 3, TypeError, "must be a list of layers, got Dense"),
        ([layers.Dense(3), "relu"], 3, TypeError, r"layers\[1\] must be a layer"),
        ([layers.Dense], 3, TypeError, r"layers\[0\]"),
        ([layers.Dense(3, name="a"), layers.Dense(3, name="a")], 3, ValueError, "'a' is taken twice"),
        ([layers.Dense(3, name="input")], 3, ValueError, "'input' is taken twice"),
        ([layers.Dense(3)], 0, ValueError, "positive"),
        ([layers.Dense(3)], (), ValueError, "at least one axis"),
        ([layers.Dense(3)], (2.5,), TypeError, "integers"),
        ([layers.Dense(3)], None, TypeError, "input_shape"),
        ([layers.Dense(2**20), layers.Dense(2**20)], 3, ValueError, "more than 2147483647 parameters"),
    ],
)
def test_bad_networks_are_refused(network, shape, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        lower(network, shape)


def test_one_activation_object_may_serve_twice() -> None:
    relu = layers.ReLU()
    assert len(lower([layers.Dense(3), relu, layers.Dense(3), relu], 3).ops) == 4


@dataclass(frozen=True)
class Block(layers.Layer):
    """A composite layer as a user would write it."""

    units: int = 4

    def expand(self) -> tuple[layers.Layer, ...]:
        return layers.Dense(self.units), layers.BatchNorm(), layers.Activation("relu")


@dataclass(frozen=True)
class Endless(layers.Layer):
    """A composite layer that never ends."""

    def expand(self) -> tuple[layers.Layer, ...]:
        return (Endless(),)


@dataclass(frozen=True)
class Unknown(layers.Layer):
    """A layer that says nothing."""


def test_composite_layers_expand() -> None:
    plan = lower([Block(), Block(units=3), layers.Dense(1)], 5)
    kinds = [type(op) for op in plan.ops]
    assert kinds == [ops.Dense, ops.BatchNorm, ops.Activation] * 2 + [ops.Dense]
    with pytest.raises(ValueError, match="keeps returning composite layers"):
        lower([Endless()], 3)
    with pytest.raises(TypeError, match="no lowering for the layer Unknown"):
        lower([Unknown()], 3)


def test_weights_are_regularized_and_nothing_else() -> None:
    plan = lower([layers.Dense(3), layers.BatchNorm(), layers.PReLU(), layers.Dense(2)], 4, penalty="l2")
    regularized = [parameter.name for parameter in plan.parameters if parameter.regularized]
    assert regularized == ["dense_1/weight", "dense_2/weight"]
    assert [parameter.name for parameter in plan.parameters if parameter.penalty] == regularized


PAIRS = [
    ("sigmoid", 1, "bce", None),
    ("sigmoid", 4, "bce", None),
    ("hard_sigmoid", 1, "bce", None),
    ("softmax", 3, "cce", None),
    ("exponential", 1, "poisson", None),
    ("softplus", 1, "poisson", None),
    ("linear", 2, "mse", None),
    ("sigmoid", 1, "mse", None),
    ("tanh", 1, "hinge", None),
    (None, 1, "pinball", None),
    ("softmax", 3, "mse", "'categorical_crossentropy'; for a regression end with Dense alone"),
    ("softmax", 3, "huber", "'categorical_crossentropy'"),
    ("softmax", 2, "bce", "'categorical_crossentropy'"),
    ("softmax", 2, "hinge", "'categorical_crossentropy'"),
    ("sigmoid", 3, "cce", r"Softmax\(\) for one class out of several, or use 'binary_crossentropy'"),
    (None, 3, "cce", r"end with Softmax\(\)"),
    ("softmax", 1, "cce", "'binary_crossentropy'"),
    (None, 1, "bce", r"end with Sigmoid\(\)"),
    ("relu", 1, "bce", r"end with Sigmoid\(\)"),
    ("sigmoid", 1, "hinge", "'binary_crossentropy' after Sigmoid"),
    (None, 1, "poisson", r"Exponential\(\) or Softplus\(\)"),
    ("tanh", 1, "poisson", r"Exponential\(\)"),
]


@pytest.mark.parametrize(("activation", "units", "loss", "message"), PAIRS)
def test_pairing(activation: str | None, units: int, loss: str, message: str | None) -> None:
    plan = lower([layers.Dense(units, activation)], 3)
    assert final_function(plan) == (activation or "linear")
    if message is None:
        attached = attach_loss(plan, loss)
        absorbed = (loss, activation) in {("bce", "sigmoid"), ("cce", "softmax"), ("poisson", "exponential")}
        assert attached.loss is not None
        assert attached.loss.link == (activation if absorbed else "identity")
        assert attached.loss.prediction == (plan.ops[-1].inputs[0] if absorbed else plan.output)
        assert attached.output == plan.output
    else:
        with pytest.raises(ValueError, match=message):
            attach_loss(plan, loss)


def test_layer_norm_is_shown_and_checked() -> None:
    plan = lower([layers.LayerNorm(), layers.LayerNorm(scale=False, epsilon=0.01)], 4)
    assert "layer_norm(%0, gamma, beta) epsilon=1e-05" in format_plan(plan)
    assert "layer_norm(%1, beta) epsilon=0.01" in format_plan(plan)
    first, second = plan.ops
    assert isinstance(first, ops.LayerNorm)
    with pytest.raises(PlanError, match="layer_norm_1 has epsilon 0"):
        validate(replace(plan, ops=(replace(first, epsilon=0.0), second)))
    with pytest.raises(PlanError, match="layer_norm_1 uses one parameter for two purposes"):
        validate(replace(plan, ops=(replace(first, beta=first.gamma), second)))


def test_max_norm_is_shown_and_checked() -> None:
    plan = lower([layers.Dense(3, max_norm=1.5)], 4)
    weight, bias = plan.parameters
    assert (weight.max_norm, bias.max_norm) == (1.5, None)
    assert "max_norm=1.5" in format_plan(plan)
    with pytest.raises(PlanError, match=r"dense_1/weight has max_norm -1"):
        validate(replace(plan, parameters=(replace(weight, max_norm=-1.0), bias)))
    with pytest.raises(PlanError, match=r"dense_1/bias has a max_norm"):
        validate(replace(plan, parameters=(weight, replace(bias, max_norm=1.0))))


def test_a_function_before_dropout_is_not_final() -> None:
    with pytest.raises(ValueError, match=r"end with Softmax\(\)"):
        attach_loss(lower([layers.Dense(3, "softmax"), layers.Dropout(0.5)], 3), "cce")


def test_class_numbers_are_for_crossentropy() -> None:
    with pytest.raises(ValueError, match="'categorical_crossentropy'"):
        attach_loss(lower([layers.Dense(3)], 3), "mse", target="index")
    with pytest.raises(ValueError, match="'dense' or 'index'"):
        attach_loss(lower([layers.Dense(3)], 3), "mse", target="rows")  # type: ignore[arg-type]


def _with_op(plan: Plan, index: int, **changes: object) -> Plan:
    changed = list(plan.ops)
    changed[index] = replace(changed[index], **changes)
    return replace(plan, ops=tuple(changed))


def _with_parameter(plan: Plan, index: int, **changes: object) -> Plan:
    changed = list(plan.parameters)
    changed[index] = replace(changed[index], **changes)
    return replace(plan, parameters=tuple(changed))


def _with_loss(plan: Plan, **changes: object) -> Plan:
    assert plan.loss is not None
    return plan.with_loss(replace(plan.loss, **changes))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda p: replace(p, values=()), "no values"),
        (lambda p: replace(p, input=99), "input, value 99"),
        (lambda p: replace(p, output=99), "output, value 99"),
        (lambda p: replace(p, values=(*p.values, Value(5, (3,), "x"))), r"value 5 \(x\) is never written"),
        (lambda p: replace(p, values=(*p.values, Value(7, (3,), "x"))), "value 5 says its id is 7"),
        (lambda p: replace(p, values=(Value(0, (0,), "input"), *p.values[1:])), r"shape \(0,\)"),
        (lambda p: replace(p, values=(Value(0, (), "input"), *p.values[1:])), "no axes"),
        (
            lambda p: replace(p, values=(Value(0, (9,), "input"), *p.values[1:])),
            r"needs dense_1/weight of shape \(9, 3\)",
        ),
        (lambda p: replace(p, ops=p.ops[::-1]), "which no earlier op writes"),
        (lambda p: replace(p, ops=(*p.ops, replace(p.ops[1], name="again"))), "written already"),
        (lambda p: _with_op(p, 1, name="dense_1"), "two ops are called 'dense_1'"),
        (lambda p: _with_op(p, 0, inputs=(0, 0)), "reads 2 values"),
        (lambda p: _with_op(p, 0, output=77), "value 77, which does not exist"),
        (lambda p: _with_op(p, 0, weight=55), "parameter 55, which does not exist"),
        (lambda p: _with_op(p, 0, bias=None), "is used by no op"),
        (lambda p: _with_op(p, 0, bias=3), "batch_norm_1/beta, which belongs to the Dense dense_1"),
        (lambda p: _with_op(p, 0, bias=0), "needs dense_1/weight of shape"),
        (lambda p: _with_op(p, 1, momentum=1.0), "momentum 1.0"),
        (lambda p: _with_op(p, 1, epsilon=float("nan")), "epsilon nan"),
        (lambda p: _with_op(p, 1, running_mean=1), "must not be trained"),
        (lambda p: _with_op(p, 1, beta=2), "one parameter for two purposes"),
        (lambda p: _with_op(p, 2, rate=1.0), "rate 1.0"),
        (lambda p: _with_op(p, 2, stream=-1), "random stream -1"),
        (lambda p: replace(p, ops=(*p.ops[:2], ops.Op("odd", (2,), 3), p.ops[3])), "unknown type Op"),
        (lambda p: replace(p, ops=(*p.ops[:2], ops.Activation("a", (2,), 3, "sine"), p.ops[3])), "function 'sine'"),
        (lambda p: replace(p, ops=(*p.ops[:3], ops.Softmax("s", (3,), 4))), "but it keeps shapes"),
        (lambda p: _with_parameter(p, 1, offset=13), "dense_1/bias starts at 13"),
        (lambda p: _with_parameter(p, 1, name="dense_1/weight"), "two parameters are called"),
        (lambda p: _with_parameter(p, 1, id=4), "parameter 1 says its id is 4"),
        (lambda p: _with_parameter(p, 0, trainable=False), "not trained and cannot be regularized"),
        (lambda p: _with_loss(p, kind="mae2"), "unknown loss"),
        (lambda p: _with_loss(p, link="probit"), "unknown link"),
        (lambda p: _with_loss(p, link="sigmoid"), "cannot absorb sigmoid"),
        (lambda p: _with_loss(p, prediction=50), "reads value 50"),
        (lambda p: _with_loss(p, target="index"), "cannot take class numbers"),
        (lambda p: _with_loss(p, target="text"), "unknown target"),
        (lambda p: _with_loss(p, label_smoothing=0.1), "takes no label smoothing"),
        (lambda p: _with_loss(p, scale=0.0), "scaled by 0.0"),
        (lambda p: _with_loss(p, ceiling=3.0), "takes no ceiling"),
        (lambda p: _with_loss(p, kind="bce", ceiling=0.0), "is not positive"),
        (lambda p: _with_loss(p, kind="bce", label_smoothing=1.0), r"not in \[0, 1\)"),
        (lambda p: _with_loss(p, kind="huber"), "delta 0.0"),
        (lambda p: _with_loss(p, kind="pinball", parameter=1.0), "quantile 1.0"),
    ],
)
def test_validator_finds_the_fault(spoil, message: str) -> None:
    plan = _small()
    validate(plan)
    with pytest.raises(PlanError, match=message):
        validate(spoil(plan))


def test_shared_streams_are_found() -> None:
    plan = lower([layers.Dropout(0.1), layers.Dropout(0.2)], 3)
    assert [op.stream for op in plan.ops if isinstance(op, ops.Dropout)] == [0, 1]
    plan = lower([layers.Dropout(0.1), layers.GaussianNoise(0.2)], 3)
    assert [op.stream for op in plan.ops if isinstance(op, ops.Dropout | ops.GaussianNoise)] == [0, 1]
    assert "gaussian_noise(%1) deviation=0.2 stream=1" in format_plan(plan)
    noise = plan.ops[1]
    assert isinstance(noise, ops.GaussianNoise)
    with pytest.raises(PlanError, match="gaussian_noise_1 shares random stream 0"):
        validate(replace(plan, ops=(plan.ops[0], replace(noise, stream=0))))
    with pytest.raises(PlanError, match="deviation -1"):
        validate(replace(plan, ops=(plan.ops[0], replace(noise, deviation=-1.0))))
    with pytest.raises(PlanError, match="shares random stream 0"):
        validate(_with_op(plan, 1, stream=0))


@settings(max_examples=40, deadline=None)
@given(
    widths=st.lists(st.integers(1, 70), min_size=1, max_size=4),
    features=st.integers(1, 70),
    normalized=st.booleans(),
    seed=st.integers(0, 2**63 - 1),
)
def test_parameters_survive_flattening(widths: list[int], features: int, normalized: bool, seed: int) -> None:
    network: list[layers.Layer] = []
    for width in widths:
        network += [layers.Dense(width), *([layers.BatchNorm()] if normalized else []), layers.Tanh()]
    plan = lower(network, features)
    flat = initial_parameters(plan, seed)
    arrays = named(plan, flat)
    assert sum(array.size for array in arrays.values()) == plan.size == flat.size
    np.testing.assert_array_equal(flatten(plan, dict(reversed(arrays.items()))), flat)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dense_1/weigth": np.zeros(1)}, "unknown name 'dense_1/weigth'; the network has: dense_1/weight"),
        ({"dense_1/bias": np.zeros(4)}, r"must have shape \(3,\), got \(4,\)"),
        ({"dense_1/bias": np.full(3, np.nan)}, "must be finite"),
        ({"dense_1/bias": None}, "lacks 'dense_1/bias'"),
    ],
)
def test_bad_weights_are_named(change: dict, message: str) -> None:
    plan = lower([layers.Dense(3, weight_initializer=initializers.Ones())], 2)
    arrays = {**named(plan, initial_parameters(plan, 0)), **change}
    arrays = {name: array for name, array in arrays.items() if array is not None}
    with pytest.raises(ValueError, match=message):
        flatten(plan, arrays)
    with pytest.raises(ValueError, match="flat must have shape"):
        named(plan, np.zeros(3))
