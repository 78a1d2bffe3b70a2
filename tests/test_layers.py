"""Layers as configuration: checks, names, expansion, descriptions as plain data."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from descend import initializers, layers, penalties, specs

ALL_LAYERS = [
    layers.Dense(3),
    layers.Dense(
        7,
        "relu",
        use_bias=False,
        weight_initializer=initializers.Normal(deviation=0.1),
        bias_initializer="ones",
        penalty=penalties.L1L2(0.1, 0.2),
        max_norm=3,
        name="hidden",
    ),
    layers.Dense(7, "relu", drop_connect=0.5, inference="gaussian", samples=8),
    layers.BatchNorm(momentum=0.5, epsilon=1e-3, center=False, scale=False),
    layers.LayerNorm(epsilon=1e-3, center=False, scale=False),
    layers.Dropout(0.25),
    layers.GaussianNoise(0.25),
    layers.RandomFlip("vertical"),
    layers.RandomTranslation(0.1, (0.0, 0.3), fill_mode="constant", fill_value=0.5),
    layers.RandomRotation(0.1, interpolation="nearest"),
    layers.RandomZoom((-0.1, 0.5), 0.2),
    layers.RandomShear(0.1),
    layers.RandomAffine(0.1, (0.0, 0.2), flip="both"),
    layers.RandomCrop(3, 4, padding=2),
    layers.RandomTimeCrop(3, fill_value=1.0),
    layers.RandomBrightness(0.1, value_range=(0, 255)),
    layers.RandomContrast((0.0, 0.5)),
    layers.RandomScaling(0.1, by_channel=False),
    layers.RandomErasing(0.5, (0.1, 0.2)),
    layers.Cutout((2, 3)),
    layers.RandomTimeShift(0.1, fill_mode="wrap"),
    layers.RandomTimeWarp(0.3, knots=3),
    layers.Activation("tanh", name="squash"),
    layers.LeakyReLU(0.2),
    layers.ELU(0.5),
    layers.PReLU("zeros"),
    layers.Softmax(),
]


@pytest.mark.parametrize("layer", ALL_LAYERS, ids=repr)
def test_description_survives_json(layer: layers.Layer) -> None:
    config = json.loads(json.dumps(specs.to_config(layer)))
    assert specs.from_config(config) == layer


@pytest.mark.parametrize("layer", ALL_LAYERS, ids=repr)
def test_repr_makes_an_equal_layer(layer: layers.Layer) -> None:
    assert eval(repr(layer), {**vars(initializers), **vars(penalties), **vars(layers)}) == layer


def test_repr_leaves_defaults_out() -> None:
    assert repr(layers.Dense(64)) == "Dense(64)"
    assert repr(layers.Dense(64, "relu")) == "Dense(64, activation=ReLU())"
    assert repr(layers.Conv2D(32, 3, padding="same", name="a")) == "Conv2D(32, (3, 3), name='a', padding='same')"
    assert repr(layers.Dense(3, bias_initializer="ones")) == "Dense(3, bias_initializer=Ones())"


@pytest.mark.parametrize("name", layers.activation_names())
def test_every_activation_has_a_name(name: str) -> None:
    layer = layers.resolve_activation(name)
    assert layers.Dense(3, name).expand()[1] == layer
    assert layers.Activation(name).expand() == (layer,)
    assert layer.output_shape((5,)) == (5,)


def test_layers_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        layers.Dense(3).units = 4  # type: ignore[misc]


def test_names_ignore_case_and_separators() -> None:
    assert layers.resolve_activation("LeakyReLU") == layers.resolve_activation("leaky_relu") == layers.LeakyReLU()
    assert layers.resolve_activation("hard-sigmoid") == layers.HardSigmoid()


def test_numpy_numbers_become_plain_ones() -> None:
    layer = layers.Dense(np.int64(4))  # type: ignore[arg-type]
    assert type(layer.units) is int
    assert type(layers.Dropout(np.float32(0.5)).rate) is float  # type: ignore[arg-type]


def test_activation_takes_over_the_name() -> None:
    (layer,) = layers.Activation("relu", name="gate").expand()
    assert layer == layers.ReLU(name="gate")


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: layers.Dense(0), ValueError, "units must be an integer from 1"),
        (lambda: layers.Dense(-3), ValueError, "units"),
        (lambda: layers.Dense(2**40), ValueError, "units"),
        (lambda: layers.Dense(2, drop_connect=1.0), ValueError, r"drop_connect must be a finite number in \[0, 1\)"),
        (lambda: layers.Dense(2, drop_connect="half"), TypeError, "drop_connect"),
        (
            lambda: layers.Dense(2, drop_connect=0.5, inference="median"),
            ValueError,
            "'mean' or 'gaussian', got 'median'",
        ),
        (lambda: layers.Dense(2, inference="gaussian"), ValueError, "concerns drop_connect, which is 0"),
        (lambda: layers.Dense(2, drop_connect=0.5, samples=0), ValueError, "samples must be an integer from 1"),
        (lambda: layers.Dense(2.5), TypeError, "units must be an integer, got 2.5"),
        (lambda: layers.Dense(True), TypeError, "units"),
        (lambda: layers.Dense("3"), TypeError, "units"),
        (lambda: layers.Dense(3, "rleu"), ValueError, "did you mean 'relu'"),
        (lambda: layers.Dense(3, "step"), ValueError, "derivative 0 everywhere.*use 'sigmoid', or descend.Perceptron"),
        (lambda: layers.Dense(3, layers.Dense(2)), TypeError, "activation"),
        (lambda: layers.Dense(3, layers.ReLU), TypeError, "activation"),
        (lambda: layers.Dense(3, use_bias="yes"), TypeError, "use_bias must be True or False"),
        (lambda: layers.Dense(3, weight_initializer="glorot"), ValueError, "glorot_uniform"),
        (lambda: layers.Dense(3, penalty="l3"), ValueError, "unknown penalty 'l3'"),
        (lambda: layers.Dense(3, max_norm=0.0), ValueError, "max_norm must be a finite number > 0"),
        (lambda: layers.Dense(3, max_norm=float("nan")), ValueError, "max_norm"),
        (lambda: layers.Dense(3, max_norm="long"), TypeError, "max_norm must be a number"),
        (lambda: layers.Dense(3, name=""), ValueError, "name"),
        (lambda: layers.Dense(3, name="a/b"), ValueError, "name"),
        (lambda: layers.Dense(3, name=3), TypeError, "name must be a string"),
        (lambda: layers.Dropout(1.0), ValueError, r"rate must be a finite number in \[0, 1\), got 1.0"),
        (lambda: layers.Dropout(-0.1), ValueError, "rate"),
        (lambda: layers.Dropout(float("nan")), ValueError, "rate"),
        (lambda: layers.Dropout("half"), TypeError, "rate must be a number"),
        (lambda: layers.GaussianNoise(-0.1), ValueError, r"stddev must be a finite number >= 0"),
        (lambda: layers.GaussianNoise(float("inf")), ValueError, "stddev"),
        (lambda: layers.GaussianNoise("loud"), TypeError, "stddev must be a number"),
        (lambda: layers.BatchNorm(momentum=1.0), ValueError, "momentum"),
        (lambda: layers.BatchNorm(epsilon=0.0), ValueError, "epsilon must be a finite number > 0"),
        (lambda: layers.LayerNorm(epsilon=0.0), ValueError, "epsilon must be a finite number > 0"),
        (lambda: layers.LayerNorm(center=1), TypeError, "center must be True or False"),
        (lambda: layers.LayerNorm(scale=None), TypeError, "scale must be True or False"),
        (lambda: layers.LeakyReLU(float("inf")), ValueError, "slope"),
        (lambda: layers.ELU(-1.0), ValueError, "alpha"),
    ],
)
def test_bad_arguments_are_named(make, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_layers_of_features_work_on_the_last_axis() -> None:
    assert layers.Dense(3).output_shape((8, 9, 5)) == (8, 9, 3)
    for layer in (layers.BatchNorm(), layers.LayerNorm(), layers.PReLU(), layers.Softmax(), layers.Dropout(0.1)):
        assert layer.output_shape((8, 9, 5)) == (8, 9, 5)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "needs a 'type'"),
        ({"type": "layers.Dense.evil"}, "needs a 'type'"),
        ({"type": "os.system"}, "unknown kind of specification 'os'"),
        ({"type": "layers.Conv"}, "unknown type 'layers.Conv'"),
        ({"type": "layers.Dense", "units": 3, "shape": 2}, "has no argument 'shape'"),
        ({"type": "layers.Dense", "units": -1}, "units"),
        ({"type": "layers.Dense"}, "lacks the argument 'units'"),
    ],
)
def test_bad_descriptions_are_refused(config: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        specs.from_config(config)


def test_only_registered_classes_are_described() -> None:
    class Mine(layers.Layer):
        """Not registered."""

    with pytest.raises(TypeError, match="Mine"):
        specs.to_config(Mine())


LAYER_CLASSES = [one for one in vars(layers).values() if isinstance(one, type) and issubclass(one, layers.Layer)]
REGISTERED = [layers.registry.get(name) for name in layers.registry.names()]


@pytest.mark.parametrize("cls", [one for one in LAYER_CLASSES if one not in REGISTERED])
def test_what_layers_have_in_common_is_no_layer(cls: type[layers.Layer]) -> None:
    with pytest.raises(TypeError, match=rf"^{cls.__name__} is what layers have in common and no layer by itself; use "):
        cls()
    named = [one.__name__ for one in REGISTERED if issubclass(one, cls)]
    if cls is not layers.Layer:
        with pytest.raises(TypeError, match=" or ") as refused:
            cls(3)
        assert named and all(name in str(refused.value) for name in named)


def test_a_layer_derived_from_an_abstract_one_can_be_made() -> None:
    @dataclasses.dataclass(frozen=True)
    class Mine(layers.Pool):
        axes = 1

    assert Mine(3).pool_size == (3,)


def test_a_registry_refuses_a_taken_name() -> None:
    with pytest.raises(ValueError, match="registered already"):
        layers.registry.register(layers.Dropout, "dense")
    with pytest.raises(ValueError, match="registry of layers"):
        specs.Registry("layers", "layer")
