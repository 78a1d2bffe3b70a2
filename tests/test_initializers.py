"""Initializers: fan-in variances, bounds, orthogonality, arguments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from descend import initializers as init
from descend import layers
from descend.plan import initial_parameters, lower


def _rng() -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[7, 0]))


@pytest.mark.parametrize(
    ("initializer", "variance"),
    [
        (init.GlorotUniform(), 2 / (200 + 300)),
        (init.GlorotNormal(), 2 / (200 + 300)),
        (init.HeUniform(), 2 / 200),
        (init.HeNormal(), 2 / 200),
        (init.LeCunUniform(), 1 / 200),
        (init.LeCunNormal(), 1 / 200),
        (init.Uniform(-0.3, 0.3), 0.6**2 / 12),
        (init.Normal(0.0, 0.2), 0.2**2),
    ],
    ids=repr,
)
def test_variance_follows_the_fans(initializer: init.Initializer, variance: float) -> None:
    weights = initializer((200, 300), _rng())
    assert weights.shape == (200, 300)
    assert weights.dtype == np.float64
    assert abs(weights.mean()) < 4 * np.sqrt(variance / weights.size)
    assert weights.var() == pytest.approx(variance, rel=0.03)


def test_uniform_bounds() -> None:
    weights = init.GlorotUniform()((50, 70), _rng())
    assert np.abs(weights).max() <= np.sqrt(6 / 120)


def test_window_axes_multiply_the_fans() -> None:
    assert init.fans((3, 3, 8, 16)) == (72, 144)
    assert init.fans((5,)) == (5, 5)
    assert init.fans(()) == (1, 1)


@pytest.mark.parametrize("shape", [(5, 5), (9, 4), (4, 9)])
def test_orthogonal_columns_or_rows(shape: tuple[int, int]) -> None:
    q = init.Orthogonal(2.0)(shape, _rng()) / 2.0
    gram = q.T @ q if shape[0] >= shape[1] else q @ q.T
    np.testing.assert_allclose(gram, np.eye(min(shape)), atol=1e-12)


def test_constants() -> None:
    assert not init.Zeros()((3, 2), _rng()).any()
    assert (init.Ones()((3,), _rng()) == 1).all()
    assert (init.Constant(-2.5)((3,), _rng()) == -2.5).all()


@pytest.mark.parametrize("name", init.registry.names())
def test_every_name_draws_the_same_twice(name: str) -> None:
    initializer = init.resolve(name)
    np.testing.assert_array_equal(initializer((6, 5), _rng()), initializer((6, 5), _rng()))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: init.resolve("he"), ValueError, "he_normal"),
        (lambda: init.resolve(0.5), TypeError, "initializer must be a name"),
        (lambda: init.Uniform(1.0, -1.0), ValueError, "low must not exceed high"),
        (lambda: init.Normal(0.0, -1.0), ValueError, "deviation"),
        (lambda: init.Constant(float("nan")), ValueError, "value"),
        (lambda: init.Orthogonal()((3,), _rng()), ValueError, "two axes"),
    ],
)
def test_bad_arguments_are_named(make, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_default_initializer_follows_the_next_activation() -> None:
    network = [
        layers.Dense(8),
        layers.BatchNorm(),
        layers.ReLU(),
        layers.Dropout(0.5),
        layers.Dense(8, "tanh"),
        layers.Dense(8),
        layers.Dense(4, "gelu"),
        layers.Dense(2, weight_initializer="orthogonal"),
    ]
    plan = lower(network, 5)
    chosen = [type(p.initializer) for p in plan.parameters if p.name.endswith("/weight")]
    assert chosen == [init.HeUniform, init.GlorotUniform, init.GlorotUniform, init.HeUniform, init.Orthogonal]


@dataclass(frozen=True)
class Odd(init.Initializer):
    """Returns what it is told to, whatever the shape asked for."""

    value: float
    size: int

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        return np.full((self.size, 1), self.value)


@pytest.mark.parametrize(
    ("value", "size", "message"),
    [(0.0, 4, r"shape \(3, 1\) for dense_1/weight, got shape \(4, 1\)"), (np.nan, 3, "with NaN or infinity")],
)
def test_an_initializer_is_checked(value: float, size: int, message: str) -> None:
    plan = lower([layers.Dense(1, weight_initializer=Odd(value, size))], 3)
    with pytest.raises(ValueError, match=message):
        initial_parameters(plan, 0)


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_seed_is_checked(seed: int) -> None:
    with pytest.raises(ValueError, match="seed must be an integer from 0"):
        initial_parameters(lower([layers.Dense(1)], 3), seed)


def test_parameters_depend_on_seed_and_position_alone() -> None:
    short = lower([layers.Dense(8, "tanh")], 5)
    long = lower([layers.Dense(8, "tanh"), layers.Dense(3)], 5)
    first, second = initial_parameters(short, 3), initial_parameters(long, 3)
    np.testing.assert_array_equal(first, second[: short.size])
    assert np.isfinite(initial_parameters(short, 2**64 - 1)).all()
    assert (initial_parameters(short, 4)[:40] != first[:40]).all()
