"""The same weights in PyTorch give the same gradients and the same 20 losses. Skips without torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from descend import Network, layers, losses, optimizers, penalties

torch = pytest.importorskip("torch")
from torch_formulas import Formula, damped, nadam, nesterov, rmsprop  # noqa: E402

ROWS, FEATURES = 32, 5
RNG = np.random.default_rng(4)
X = RNG.normal(size=(ROWS, FEATURES))
NUMBERS = np.stack([X[:, 0] * X[:, 1], np.sin(X[:, 2])], axis=1)
CLASSES = RNG.integers(0, 3, ROWS)
BINARY = RNG.integers(0, 2, ROWS)
COUNTS = RNG.poisson(2.0, ROWS)
STEPS = 20

ACTIVATIONS: dict[str, Any] = {
    "relu": torch.nn.ReLU,
    "leaky_relu": lambda: torch.nn.LeakyReLU(0.01),
    "elu": torch.nn.ELU,
    "selu": torch.nn.SELU,
    "gelu": torch.nn.GELU,
    "silu": torch.nn.SiLU,
    "softplus": torch.nn.Softplus,
    "hard_sigmoid": torch.nn.Hardsigmoid,
    "mish": torch.nn.Mish,
    "tanh": torch.nn.Tanh,
    "sigmoid": torch.nn.Sigmoid,
    "prelu": lambda: torch.nn.PReLU(16),
}


class Rmse(torch.nn.Module):
    def forward(self, p, y):
        return torch.sqrt(torch.mean((y - p) ** 2))


class PinballLoss(torch.nn.Module):
    def forward(self, p, y):
        return torch.mean(torch.maximum(0.8 * (y - p), -0.2 * (y - p)))


class HingeLoss(torch.nn.Module):
    def forward(self, p, y):
        return torch.mean(torch.relu(1 - (2 * y - 1) * p))


#: name: (our loss, our last layers, target, PyTorch's loss on what comes before them, outputs)
LOSSES: dict[str, tuple[losses.Loss, list[layers.Layer], np.ndarray, Any, int]] = {
    "mse": (losses.MSE(), [], NUMBERS, torch.nn.MSELoss(), 2),
    "mae": (losses.MAE(), [], NUMBERS, torch.nn.L1Loss(), 2),
    "rmse": (losses.RMSE(), [], NUMBERS, Rmse(), 2),
    "huber": (losses.Huber(0.5), [], NUMBERS, torch.nn.HuberLoss(delta=0.5), 2),
    "pinball": (losses.Pinball(0.8), [], NUMBERS, PinballLoss(), 2),
    "bce": (losses.BinaryCrossentropy(), [layers.Sigmoid()], BINARY, torch.nn.BCEWithLogitsLoss(), 1),
    "hinge": (losses.Hinge(), [], BINARY, HingeLoss(), 1),
    "poisson": (losses.Poisson(), [layers.Exponential()], COUNTS, torch.nn.PoissonNLLLoss(), 1),
    "cce": (losses.CategoricalCrossentropy(), [layers.Softmax()], CLASSES, torch.nn.CrossEntropyLoss(), 3),
    "smooth": (
        losses.CategoricalCrossentropy(0.1),
        [layers.Softmax()],
        CLASSES,
        torch.nn.CrossEntropyLoss(label_smoothing=0.1),
        3,
    ),
}  # fmt: skip


def pair(activation: str, loss: str, dtype: str, **options) -> tuple[Network, Any, np.ndarray, Callable]:
    """Our network and PyTorch's with the same weights, the target, and PyTorch's loss of its network."""
    ours_loss, end, y, their_loss, outputs = LOSSES[loss]
    ours = Network(
        [
            layers.Dense(16), layers.BatchNorm(), layers.resolve_activation(activation),
            layers.Dense(16), layers.resolve_activation(activation), layers.Dense(outputs), *end,
        ],
        FEATURES, dtype=dtype, seed=7, **options,
    )  # fmt: skip
    # PyTorch keeps 1 - momentum, and its running variance is the unbiased one, which no gradient sees.
    theirs = torch.nn.Sequential(
        torch.nn.Linear(FEATURES, 16), torch.nn.BatchNorm1d(16, momentum=0.1), ACTIVATIONS[activation](),
        torch.nn.Linear(16, 16), ACTIVATIONS[activation](), torch.nn.Linear(16, outputs),
    ).to(getattr(torch, dtype))  # fmt: skip
    copy_weights(ours, theirs)
    kind = torch.long if ours_loss.kind == "cce" else getattr(torch, dtype)
    x_torch = torch.tensor(X, dtype=getattr(torch, dtype))
    y_torch = torch.tensor(y, dtype=kind)
    if kind != torch.long:
        y_torch = y_torch.reshape(ROWS, outputs)
    return ours, theirs, y, lambda: their_loss(theirs(x_torch), y_torch)


def torch_names(ours: Network, theirs: Any) -> dict[str, Any]:
    """PyTorch's parameters by our names."""
    found, counts = {}, {"dense": 0, "batch_norm": 0, "prelu": 0}
    for module in theirs:
        kind = {"Linear": "dense", "BatchNorm1d": "batch_norm", "PReLU": "prelu"}.get(type(module).__name__)
        if kind is None:
            continue
        counts[kind] += 1
        names = {"dense": ("weight", "bias"), "batch_norm": ("gamma", "beta"), "prelu": ("slope",)}[kind]
        for name, parameter in zip(names, (module.weight, getattr(module, "bias", None)), strict=False):
            found[f"{kind}_{counts[kind]}/{name}"] = parameter
    assert set(found) == {name for name in ours.get_weights() if "running" not in name}
    return found


def copy_weights(ours: Network, theirs: Any) -> None:
    weights = ours.get_weights()
    with torch.no_grad():
        for name, parameter in torch_names(ours, theirs).items():
            parameter.copy_(torch.tensor(weights[name].T))


def check_gradients(activation: str, loss: str, dtype: str, rtol: float) -> None:
    ours, theirs, y, their_loss = pair(activation, loss, dtype)
    their_loss().backward()
    gradients = ours.gradients(X, y, loss=LOSSES[loss][0])
    for name, parameter in torch_names(ours, theirs).items():
        expected = parameter.grad.numpy().T
        # The bias before a batch norm has no gradient but rounding errors.
        np.testing.assert_allclose(gradients[name], expected, rtol=rtol, atol=rtol * np.abs(expected).max() + rtol / 10)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_for_every_activation(activation, dtype):
    check_gradients(activation, "cce", dtype, 1e-8 if dtype == "float64" else 2e-4)


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_for_every_loss(loss):
    check_gradients("tanh", loss, "float64", 1e-8)


OPTIMIZERS: dict[str, tuple[optimizers.Optimizer, Callable]] = {
    "sgd": (optimizers.SGD(0.05), lambda p: torch.optim.SGD(p, 0.05)),
    "momentum": (
        optimizers.Momentum(0.02, beta=0.9, dampening=False), lambda p: torch.optim.SGD(p, 0.02, momentum=0.9),
    ),
    "damped": (optimizers.Momentum(0.05), lambda p: Formula(p, damped)),
    "heavy_ball": (optimizers.HeavyBall(0.02), lambda p: torch.optim.SGD(p, 0.02, momentum=0.9)),
    "heavy_ball_ahead": (
        optimizers.HeavyBall(0.02, nesterov=True), lambda p: torch.optim.SGD(p, 0.02, momentum=0.9, nesterov=True),
    ),
    "nesterov": (optimizers.Nesterov(0.02), lambda p: Formula(p, nesterov)),
    "rmsprop": (optimizers.RMSProp(0.01, epsilon=1e-7), lambda p: Formula(p, rmsprop)),
    "nadam": (optimizers.Nadam(0.01, epsilon=1e-8), lambda p: Formula(p, nadam)),
    "adagrad": (optimizers.AdaGrad(0.02), lambda p: torch.optim.Adagrad(p, 0.02, eps=1e-7)),
    "adam": (optimizers.Adam(0.01), lambda p: torch.optim.Adam(p, 0.01)),
    "amsgrad": (optimizers.AMSGrad(0.01), lambda p: torch.optim.Adam(p, 0.01, amsgrad=True)),
    "clip_value": (optimizers.SGD(0.05, clip_value=0.01), lambda p: torch.optim.SGD(p, 0.05)),
    "clip_norm": (optimizers.Adam(0.01, clip_norm=0.1), lambda p: torch.optim.Adam(p, 0.01)),
}  # fmt: skip


def their_trajectory(theirs: Any, their_loss: Callable, optimizer: Any, clip: optimizers.Optimizer) -> list[float]:
    found = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = their_loss()
        loss.backward()
        if clip.clip_value is not None:
            torch.nn.utils.clip_grad_value_(theirs.parameters(), clip.clip_value)
        if clip.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(theirs.parameters(), clip.clip_norm)
        optimizer.step()
        found.append(loss.item())
    return found


def our_trajectory(ours: Network, y: np.ndarray, loss: losses.Loss, optimizer: optimizers.Optimizer) -> list[float]:
    return ours.fit(X, y, loss=loss, optimizer=optimizer, batch_size=None, epochs=STEPS, shuffle=False, verbose=0).loss


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize(("dtype", "rtol"), [("float64", 1e-7), ("float32", 2e-3)])
def test_twenty_losses_for_every_optimizer(name, dtype, rtol):
    optimizer, make = OPTIMIZERS[name]
    ours, theirs, y, their_loss = pair("silu", "cce", dtype)
    expected = their_trajectory(theirs, their_loss, make(theirs.parameters()), optimizer)
    found = our_trajectory(ours, y, LOSSES["cce"][0], optimizer)
    if name == "clip_norm":
        rtol = max(rtol, 1e-4)  # PyTorch adds 1e-6 to the norm
    np.testing.assert_allclose(found, expected, rtol=rtol)
    assert found[-1] < found[0]


def test_no_optimizer_is_left_out():
    every = {type(optimizers.resolve(name)) for name in optimizers.registry.names()}
    # AdamW has a test of its own; L-BFGS is SciPy's.
    assert {type(ours) for ours, _ in OPTIMIZERS.values()} == every - {optimizers.AdamW, optimizers.LBFGS}


@pytest.mark.parametrize("loss", LOSSES)
def test_twenty_losses_for_every_loss(loss):
    ours, theirs, y, their_loss = pair("gelu", loss, "float64")
    optimizer = torch.optim.Adam(theirs.parameters(), 0.01)
    expected = their_trajectory(theirs, their_loss, optimizer, optimizers.Adam())
    np.testing.assert_allclose(our_trajectory(ours, y, LOSSES[loss][0], optimizers.Adam(0.01)), expected, rtol=1e-7)


def test_twenty_losses_with_decoupled_decay_of_the_weights():
    ours, theirs, y, their_loss = pair("relu", "mse", "float64")
    parameters = torch_names(ours, theirs)
    decayed = [p for name, p in parameters.items() if name.startswith("dense") and name.endswith("weight")]
    others = [p for p in parameters.values() if all(p is not one for one in decayed)]
    optimizer = torch.optim.AdamW(
        [{"params": decayed}, {"params": others, "weight_decay": 0.0}], 0.01, weight_decay=0.1
    )
    expected = their_trajectory(theirs, their_loss, optimizer, optimizers.Adam())
    found = our_trajectory(ours, y, losses.MSE(), optimizers.AdamW(0.01, weight_decay=0.1))
    np.testing.assert_allclose(found, expected, rtol=1e-7)


def test_twenty_losses_with_penalties():
    ours, theirs, y, data_loss = pair("tanh", "mse", "float64", penalty=penalties.L1L2(0.001, 0.01))
    weights = [
        p for name, p in torch_names(ours, theirs).items() if name.startswith("dense") and name.endswith("weight")
    ]

    def with_penalty():
        return data_loss() + sum(0.001 * w.abs().sum() + 0.01 * (w**2).sum() for w in weights)

    optimizer = torch.optim.SGD(theirs.parameters(), 0.05)
    expected = their_trajectory(theirs, with_penalty, optimizer, optimizers.SGD())
    np.testing.assert_allclose(our_trajectory(ours, y, losses.MSE(), optimizers.SGD(0.05)), expected, rtol=1e-7)


class TheirResidual(torch.nn.Module):
    """x + b(relu(a(x))), then a branch beside its own input, then a line."""

    def __init__(self):
        super().__init__()
        self.first, self.a, self.b = torch.nn.Linear(FEATURES, 8), torch.nn.Linear(8, 9), torch.nn.Linear(9, 8)
        self.branch, self.last = torch.nn.Linear(8, 3), torch.nn.Linear(11, 2)

    def forward(self, x):
        x = self.first(x)
        x = self.b(torch.relu(self.a(x))) + x
        return self.last(torch.cat([x, torch.tanh(self.branch(x))], dim=1))

    def order(self):
        return self.first, self.a, self.b, self.branch, self.last


class TheirSharing(torch.nn.Module):
    """One layer and one normalization, each twice."""

    def __init__(self):
        super().__init__()
        self.first, self.again = torch.nn.Linear(FEATURES, 7), torch.nn.Linear(7, 7)
        self.norm, self.last = torch.nn.LayerNorm(7), torch.nn.Linear(7, 2)

    def forward(self, x):
        x = self.norm(torch.tanh(self.again(self.first(x))))
        return self.last(self.norm(torch.tanh(self.again(x))))

    def order(self):
        return self.first, self.again, self.norm, self.last


class TheirAutoencoder(torch.nn.Module):
    """Two layers and back through their transposes, the outputs of the way back with biases of their own."""

    def __init__(self):
        super().__init__()
        self.outer, self.inner = torch.nn.Linear(FEATURES, 4), torch.nn.Linear(4, 2)
        self.back = torch.nn.Parameter(torch.zeros(4))
        self.out = torch.nn.Parameter(torch.zeros(FEATURES))

    def forward(self, x):
        x = torch.tanh(self.inner(torch.tanh(self.outer(x))))
        x = torch.tanh(torch.nn.functional.linear(x, self.inner.weight.T, self.back))
        return torch.nn.functional.linear(x, self.outer.weight.T, self.out)

    def order(self):
        return self.outer, self.inner, self.back, self.out


def _ours_residual():
    block = layers.Residual([layers.Dense(9, "relu"), layers.Dense(8)])
    return [layers.Dense(8), block, layers.Concatenate([[], [layers.Dense(3, "tanh")]]), layers.Dense(2)]


def _ours_sharing():
    again, norm = layers.Dense(7, "tanh"), layers.LayerNorm()
    return [layers.Dense(7), again, norm, again, norm, layers.Dense(2)]


def _ours_autoencoder():
    outer, inner = layers.Dense(4, "tanh"), layers.Dense(2, "tanh")
    return [outer, inner, layers.Dense(4, "tanh", tied_to=inner), layers.Dense(FEATURES, tied_to=outer)]


GRAPHS: dict[str, tuple[Callable, type, np.ndarray]] = {
    "residual": (_ours_residual, TheirResidual, NUMBERS),
    "sharing": (_ours_sharing, TheirSharing, NUMBERS),
    "autoencoder": (_ours_autoencoder, TheirAutoencoder, X),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_gradients_and_twenty_losses_of_a_graph(name):
    make, their_type, y = GRAPHS[name]
    ours = Network(make(), FEATURES, dtype="float64", seed=3)
    theirs = their_type().double()
    parts = [p for part in theirs.order() for p in (part.parameters() if hasattr(part, "parameters") else (part,))]
    weights = ours.get_weights()
    assert len(parts) == len(weights)
    with torch.no_grad():
        for parameter, value in zip(parts, weights.values(), strict=True):
            parameter.copy_(torch.tensor(value.T))
    x_torch, y_torch = torch.tensor(X), torch.tensor(y)
    loss = torch.nn.MSELoss()
    loss(theirs(x_torch), y_torch).backward()
    gradients = ours.gradients(X, y, loss="mse")
    for (key, found), parameter in zip(gradients.items(), parts, strict=True):
        np.testing.assert_allclose(found, parameter.grad.numpy().T, rtol=1e-8, atol=1e-10, err_msg=key)
    optimizer = torch.optim.Adam(theirs.parameters(), 0.01)
    expected = their_trajectory(theirs, lambda: loss(theirs(x_torch), y_torch), optimizer, optimizers.Adam())
    np.testing.assert_allclose(our_trajectory(ours, y, losses.MSE(), optimizers.Adam(0.01)), expected, rtol=1e-7)


class TheirWords(torch.nn.Module):
    """Vectors of words, a layer, and scores of words by the same vectors."""

    def __init__(self):
        super().__init__()
        self.words, self.layer = torch.nn.Embedding(9, 5), torch.nn.Linear(5, 5)
        self.out = torch.nn.Parameter(torch.zeros(9))

    def forward(self, x):
        h = torch.tanh(self.layer(self.words(x)))
        return torch.nn.functional.linear(h, self.words.weight, self.out)


def test_gradients_and_twenty_losses_of_a_tied_embedding():
    words = layers.Embedding(9, 5)
    ours = Network([words, layers.Dense(5, "tanh"), layers.Dense(9, tied_to=words)], 4, dtype="float64", seed=3)
    theirs = TheirWords().double()
    text, scores = RNG.integers(0, 9, (ROWS, 4)), RNG.normal(size=(ROWS, 4, 9))
    parts = [theirs.words.weight, theirs.layer.weight, theirs.layer.bias, theirs.out]
    weights = ours.get_weights()
    with torch.no_grad():
        for parameter, (name, value) in zip(parts, weights.items(), strict=True):
            parameter.copy_(torch.tensor(value if name == "embedding_1/weight" else value.T))
    x_torch, y_torch, loss = torch.tensor(text), torch.tensor(scores), torch.nn.MSELoss()
    loss(theirs(x_torch), y_torch).backward()
    found = ours.gradients(text, scores, loss="mse")["embedding_1/weight"]
    np.testing.assert_allclose(found, theirs.words.weight.grad.numpy(), rtol=1e-8, atol=1e-12)
    optimizer = torch.optim.Adam(theirs.parameters(), 0.01)
    expected = their_trajectory(theirs, lambda: loss(theirs(x_torch), y_torch), optimizer, optimizers.Adam())
    settings = {"batch_size": None, "epochs": STEPS, "shuffle": False, "verbose": 0}
    losses_found = ours.fit(text, scores, loss="mse", optimizer=optimizers.Adam(0.01), **settings).loss
    np.testing.assert_allclose(losses_found, expected, rtol=1e-7)
