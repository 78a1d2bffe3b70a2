"""Optimizers: arguments, first steps by hand, agreement with PyTorch, clipping, decay."""

from __future__ import annotations

import math

import numpy as np
import pytest

from descend import layers, optimizers, penalties, schedules, specs
from descend.engine.protocol import Batch
from descend.engine.reference import ReferenceEngine
from descend.engine.reference.optimizers import UPDATES, clip, step
from descend.optimizers import (
    LBFGS,
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    AMSGrad,
    HeavyBall,
    Momentum,
    Nadam,
    Nesterov,
    Optimizer,
    RMSProp,
)
from descend.plan import attach_loss, lower

GRADIENT_DESCENTS = [
    SGD(),
    Momentum(),
    Nesterov(),
    HeavyBall(),
    AdaGrad(),
    RMSProp(),
    Adam(),
    AdamW(),
    AMSGrad(),
    Nadam(),
]


def test_every_kind_has_an_update() -> None:
    kinds = {optimizers.resolve(name).kind for name in optimizers.registry.names()}
    assert kinds == {*UPDATES, "lbfgs"}


@pytest.mark.parametrize("optimizer", [*GRADIENT_DESCENTS, LBFGS(max_iter=5)], ids=repr)
def test_description_survives(optimizer: Optimizer) -> None:
    assert specs.from_config(specs.to_config(optimizer)) == optimizer
    assert eval(repr(optimizer), {**vars(schedules), **vars(optimizers)}) == optimizer


def test_amsgrad_has_two_names() -> None:
    assert Adam(amsgrad=True).kind == AMSGrad().kind == "amsgrad"
    assert Adam(amsgrad=True).slots == AMSGrad().slots == ("m", "v", "v_max")
    assert Adam().kind == AdamW().kind == "adam"
    assert AdamW().weight_decay == 0.01


def test_learning_rate_may_be_a_schedule() -> None:
    optimizer = SGD(schedules.Cosine(0.1))
    assert optimizer.schedule == schedules.Cosine(0.1)
    assert SGD(0.5).schedule == schedules.Constant(0.5)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Adam(float("nan")), ValueError, "learning_rate must be a finite number >= 0, got nan"),
        (lambda: Adam(-1e-3), ValueError, "learning_rate"),
        (lambda: SGD("fast"), ValueError, "unknown schedule 'fast'"),
        (lambda: SGD("cosine"), ValueError, r"schedules\.Cosine\(rate\)"),
        (lambda: SGD(None), TypeError, "learning_rate must be a number"),
        (lambda: Adam(beta_1=1.0), ValueError, r"beta_1 must be a finite number in \[0, 1\)"),
        (lambda: Adam(beta_2=-0.1), ValueError, "beta_2"),
        (lambda: Adam(epsilon=0.0), ValueError, "epsilon"),
        (lambda: Adam(amsgrad="no"), TypeError, "amsgrad"),
        (lambda: Momentum(beta=1.0), ValueError, "beta"),
        (lambda: Adam(epsilon_hat=1), TypeError, "epsilon_hat"),
        (lambda: Nesterov(momentum=math.inf), ValueError, "momentum"),
        (lambda: HeavyBall(momentum=1.1), ValueError, "momentum"),
        (lambda: HeavyBall(nesterov="yes"), TypeError, "nesterov"),
        (lambda: SGD(clip_norm=0.0), ValueError, "clip_norm must be a finite number > 0"),
        (lambda: SGD(clip_value=-1.0), ValueError, "clip_value"),
        (lambda: SGD(weight_decay=-0.1), ValueError, "weight_decay"),
        (lambda: LBFGS(max_iter=0), ValueError, "max_iter"),
        (lambda: optimizers.resolve("adan"), ValueError, "did you mean 'adam'"),
        (lambda: optimizers.resolve(Adam), TypeError, r"Adam\(\.\.\.\)"),
        (lambda: optimizers.resolve(0.1), TypeError, "optimizer must be a name"),
    ],
)
def test_bad_arguments_are_named(make, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def _two_steps(optimizer: Optimizer, eta: float, gradients: tuple[float, float]) -> list[float]:
    """A single weight that starts at 1, after each of two steps."""
    plan = lower([layers.Dense(1, use_bias=False)], 1)
    w, slots, path = np.array([1.0]), np.zeros((len(optimizer.slots), 1)), []
    for t, g in enumerate(gradients, start=1):
        step(plan, optimizer, w, np.array([g]), slots, eta, t)
        path.append(float(w[0]))
    return path


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        (SGD(), [1 - 0.1 * 2, 1 - 0.1 * 2 + 0.1]),
        (SGD(weight_decay=0.5), [0.95 - 0.2, (0.95 - 0.2) * 0.95 + 0.1]),
        (Momentum(), [1 - 0.1 * 0.2, 1 - 0.1 * 0.2 - 0.1 * (0.9 * 0.2 - 0.1)]),
        (Momentum(dampening=False), [1 - 0.1 * 2, 1 - 0.1 * 2 - 0.1 * (0.9 * 2 - 1)]),
        (Nesterov(), [1 - 0.2, 1 - 0.2 - (0.9 * 0.2 - 0.1)]),
        (HeavyBall(), [1 - 0.2, 1 - 0.2 - (0.9 * 0.2 - 0.1)]),
        (HeavyBall(nesterov=True), [1 - 0.9 * 0.2 - 0.2, 1 - 0.9 * 0.2 - 0.2 - 0.9 * (0.9 * 0.2 - 0.1) + 0.1]),
        (AdaGrad(epsilon=1.0), [1 - 0.2 / 3, 1 - 0.2 / 3 + 0.1 / (math.sqrt(5) + 1)]),
        (RMSProp(epsilon=0.6), [1 - 0.2, 1 - 0.2 + 0.1 / math.sqrt(0.9 * 0.4 + 0.1 + 0.6)]),
        (
            Adam(beta_1=0.5, beta_2=0.5, epsilon=1.0),
            [1 - 0.1 * 2 / 3, 1 - 0.2 / 3 - 0.1 * 0 / (math.sqrt(1.5 / 0.75) + 1)],
        ),
        (
            Adam(beta_1=0.5, beta_2=0.5, epsilon=1.0, epsilon_hat=True),
            [1 - 0.1 * math.sqrt(0.5) / 0.5 * 1 / (math.sqrt(2) + 1)] * 2,
        ),
        (
            Adam(beta_1=0.0, beta_2=0.5, epsilon=1.0, amsgrad=True),
            [1 - 0.2 / 3, 1 - 0.2 / 3 + 0.1 / (math.sqrt(2 / 0.75) + 1)],
        ),
        (
            Nadam(beta_1=0.5, beta_2=0.5, epsilon=1.0),
            [
                1 - 0.1 * (0.5 * 1 / 0.75 + 0.5 * 2 / 0.5) / 3,
                1 - 0.1 * (0.5 * 1 / 0.75 + 0.5 * 2 / 0.5) / 3 + 0.1 * (0.5 / 0.75) / (math.sqrt(1.5 / 0.75) + 1),
            ],
        ),
    ],
    ids=repr,
)
def test_first_steps_by_hand(optimizer: Optimizer, expected: list[float]) -> None:
    np.testing.assert_allclose(_two_steps(optimizer, 0.1, (2.0, -1.0)), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("ours", "name", "settings"),
    [
        (SGD(), "SGD", {}),
        (Momentum(dampening=False), "SGD", {"momentum": 0.9}),
        (Momentum(beta=0.8), "SGD", {"momentum": 0.8, "dampening": 0.8}),
        (HeavyBall(), "SGD", {"momentum": 0.9}),
        (HeavyBall(nesterov=True), "SGD", {"momentum": 0.9, "nesterov": True}),
        (AdaGrad(), "Adagrad", {"eps": 1e-7}),
        (Adam(), "Adam", {}),
        (AdamW(), "AdamW", {"weight_decay": 0.01}),
        (AMSGrad(), "Adam", {"amsgrad": True}),
    ],
    ids=repr,
)
def test_same_path_as_pytorch(ours: Optimizer, name: str, settings: dict) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    w = rng.normal(size=6)
    theirs = torch.nn.Parameter(torch.tensor(w))
    other = getattr(torch.optim, name)([theirs], lr=0.05, **settings)
    plan = lower([layers.Dense(3, use_bias=False)], 2)
    slots = np.zeros((len(ours.slots), 6))
    for t in range(1, 21):
        g = rng.normal(size=6)
        undampened = t == 1 and "dampening" in settings  # PyTorch does not dampen the first step
        theirs.grad = torch.tensor(g * (1 - settings["dampening"]) if undampened else g)
        other.step()
        step(plan, ours, w, g, slots, 0.05, t)
    np.testing.assert_allclose(w, theirs.detach().numpy(), rtol=1e-10, atol=1e-12)


def test_clipping_by_value_then_by_norm() -> None:
    g = np.array([3.0, -0.5, 4.0])
    np.testing.assert_array_equal(clip(SGD(clip_value=1.0), g), [1.0, -0.5, 1.0])
    np.testing.assert_allclose(clip(SGD(clip_norm=1.0), g), g / np.linalg.norm(g))
    np.testing.assert_array_equal(clip(SGD(clip_norm=100.0), g), g)
    np.testing.assert_allclose(clip(SGD(clip_value=1.0, clip_norm=0.75), g), np.array([1.0, -0.5, 1.0]) / 2)
    np.testing.assert_array_equal(clip(SGD(clip_norm=1.0), np.zeros(3)), np.zeros(3))


def _line(optimizer: Optimizer, **settings: object) -> ReferenceEngine:
    plan = attach_loss(lower([layers.Dense(1)], 1, **settings), "mse")  # type: ignore[arg-type]
    engine = ReferenceEngine(plan)
    engine.set_parameters(np.array([1.0, 0.5]))
    engine.start(optimizer, seed=0)
    return engine


def _train(engine: ReferenceEngine, steps: int, rate: float) -> float:
    batch = Batch(np.ones((1, 1)), np.zeros((1, 1)))
    rows = np.zeros(steps, dtype=np.uint32)
    return engine.train(batch, rows, batch_size=1, learning_rates=np.array([rate]), threads=1).loss


def test_nesterov_takes_the_gradient_ahead() -> None:
    """With p = w + b and y = 0 both gradients are 2 p, at w - momentum v."""
    engine = _line(Nesterov(momentum=0.5))
    _train(engine, 1, 0.1)
    v = 0.1 * 2 * 1.5
    np.testing.assert_allclose(engine.get_parameters(), [1 - v, 0.5 - v])
    ahead = (1 - v - 0.5 * v) + (0.5 - v - 0.5 * v)
    loss = _train(engine, 1, 0.1)
    assert loss == pytest.approx(ahead**2)
    w = 0.5 * v + 0.1 * 2 * ahead
    np.testing.assert_allclose(engine.get_parameters(), [1 - v - w, 0.5 - v - w])


def test_decay_spares_biases_and_penalties_are_clipped() -> None:
    engine = _line(SGD(weight_decay=0.5))
    _train(engine, 1, 0.1)
    np.testing.assert_allclose(engine.get_parameters(), [1 * 0.95 - 0.3, 0.5 - 0.3])
    engine = _line(SGD(clip_value=3.5), penalty=penalties.L2(1.0))
    _train(engine, 1, 0.1)
    np.testing.assert_allclose(engine.get_parameters(), [1 - 0.35, 0.5 - 0.3])


def test_lbfgs_is_not_for_engines() -> None:
    with pytest.raises(ValueError, match="not run by an engine"):
        _line(LBFGS())


def test_the_heavy_ball_keeps_the_rates_of_its_past() -> None:
    plan = lower([layers.Dense(1, use_bias=False)], 1)
    w, slots = np.array([1.0]), np.zeros((1, 1))
    step(plan, HeavyBall(), w, np.array([2.0]), slots, 0.1, 1)
    step(plan, HeavyBall(), w, np.array([0.0]), slots, 0.001, 2)
    np.testing.assert_allclose(w, 1 - 0.2 - 0.9 * 0.2)
