"""Convolutional networks: the same weights in PyTorch give the same gradients and 20 losses. Skips without torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from descend import Network, layers, optimizers

torch = pytest.importorskip("torch")

STEPS = 20
RNG = np.random.default_rng(6)
X = RNG.normal(size=(24, 9, 8, 4))
CLASSES = RNG.integers(0, 3, 24)


def networks(dtype: str) -> tuple[Network, Any, dict[str, Any]]:
    """Our network and PyTorch's with the same weights, and PyTorch's parameters by our names."""
    ours = Network(
        [
            layers.Conv2D(8, 3, padding="same", groups=2), layers.BatchNorm(), layers.ReLU(), layers.MaxPool2D(2),
            layers.DepthwiseConv2D(3, padding="same"), layers.Tanh(),
            layers.Conv2DTranspose(6, 3, strides=2), layers.AveragePool2D(2),
            layers.Conv2D(5, 2, dilation_rate=2), layers.Flatten(), layers.Dense(3), layers.Softmax(),
        ],
        (9, 8, 4), dtype=dtype, seed=2,
    )  # fmt: skip
    nn = torch.nn
    theirs = nn.Sequential(
        nn.Conv2d(4, 8, 3, padding=1, groups=2), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.Tanh(),
        nn.ConvTranspose2d(8, 6, 3, stride=2), nn.AvgPool2d(2),
        nn.Conv2d(6, 5, 2, dilation=2), nn.Flatten(), nn.Linear(20, 3),
    ).to(getattr(torch, dtype))  # fmt: skip
    named = {
        "conv2d_1": theirs[0], "batch_norm_1": theirs[1], "depthwise_conv2d_1": theirs[4],
        "conv2d_transpose_1": theirs[6], "conv2d_2": theirs[8], "dense_1": theirs[10],
    }  # fmt: skip
    found = {}
    for name, module in named.items():
        first, second = ("gamma", "beta") if name.startswith("batch_norm") else ("weight", "bias")
        found |= {f"{name}/{first}": module.weight, f"{name}/{second}": module.bias}
    weights = ours.get_weights()
    with torch.no_grad():
        for name, parameter in found.items():
            parameter.copy_(torch.tensor(to_torch(name, weights[name])))
    return ours, theirs, found


def to_torch(name: str, array: np.ndarray) -> np.ndarray:
    """Ours is (height, width, in, out), PyTorch's (out, in, height, width), or (in, out, ...) for a transposed one."""
    if array.ndim == 4:
        return array.transpose(2, 3, 0, 1) if "transpose" in name else array.transpose(3, 2, 0, 1)
    if name == "dense_1/weight":  # its rows are (height, width, channels) of an image, there (channels, height, width)
        return array.reshape(2, 2, 5, 3).transpose(3, 2, 0, 1).reshape(3, 20)
    return array


@pytest.mark.parametrize(("dtype", "close"), [("float64", 1e-9), ("float32", 2e-3)])
def test_same_gradients_and_losses(dtype: str, close: float) -> None:
    ours, theirs, parameters = networks(dtype)
    images = torch.tensor(X.transpose(0, 3, 1, 2), dtype=getattr(torch, dtype))
    target = torch.tensor(CLASSES)
    loss = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(theirs.parameters(), lr=0.01)
    expected = []
    for step in range(STEPS):
        optimizer.zero_grad()
        value = loss(theirs(images), target)
        value.backward()
        if step == 0:
            found = ours.gradients(X, CLASSES, loss="categorical_crossentropy")
            for name, parameter in parameters.items():
                scale = max(1.0, float(parameter.grad.abs().max()))
                difference = to_torch(name, found[name]) - parameter.grad.numpy()
                assert np.abs(difference).max() < close * scale, name
        optimizer.step()
        expected.append(float(value.detach()))
    history = ours.fit(
        X, CLASSES, loss="categorical_crossentropy", optimizer=optimizers.Adam(0.01), epochs=STEPS, batch_size=None,
        shuffle=False, verbose=0,
    )  # fmt: skip
    np.testing.assert_allclose(history.loss, expected, rtol=close)
