"""Predicting with 32-128-128-10: one row (latency) and 2000 rows (throughput), against ONNX Runtime and others.

ONNX Runtime gets a graph with the same weights, and both answers are compared before anything is timed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from descend import Network, layers
from timing import alternate, medians

_WIDTHS = (32, 128, 128, 10)
Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def measure(rounds: int, note: Callable[[str], None]) -> dict[str, dict[str, float]]:
    """Median seconds of one call: {"1 row": {contestant: seconds}, "2000 rows": ...}."""
    contestants = _contestants(note)
    rng = np.random.default_rng(0)
    found = {}
    for label, rows in (("1 row", 1), ("2000 rows", 2000)):
        X = rng.standard_normal((rows, _WIDTHS[0])).astype(np.float32)
        expected = contestants["descend"](X)
        for name, predict in contestants.items():
            if name != "scikit-learn":  # its weights are its own
                np.testing.assert_allclose(predict(X), expected, atol=1e-5, err_msg=name)
        calls = {name: _repeat(predict, X) for name, predict in contestants.items()}
        found[label] = medians(alternate(calls, rounds=rounds, target=0.2))
    return found


def _repeat(predict: Predict, X: NDArray[np.float32]) -> Callable[[int], None]:
    def call(count: int) -> None:
        for _ in range(count):
            predict(X)

    return call


def _network() -> Network:
    stack = [layers.Dense(128, activation="relu"), layers.Dense(128, activation="relu")]
    return Network([*stack, layers.Dense(10), layers.Softmax()], input_shape=(_WIDTHS[0],), seed=0)


def _contestants(note: Callable[[str], None]) -> dict[str, Predict]:
    net = _network()
    found: dict[str, Predict] = {"descend": net.predict}
    makers = {"ONNX Runtime": _onnxruntime, "PyTorch": _pytorch, "scikit-learn": _sklearn}
    for name, make in makers.items():
        try:
            found[name] = make(_weights(net))
        except ImportError as error:
            note(f"{name} left out of the inference benchmark: {error}")
    return found


def _weights(net: Network) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """(in, out) weight and (out,) bias of each dense layer."""
    table = net.get_weights()
    names = [f"dense_{i}" for i in range(1, len(_WIDTHS))]
    return [
        (np.asarray(table[f"{name}/weight"], np.float32), np.asarray(table[f"{name}/bias"], np.float32))
        for name in names
    ]


def _onnxruntime(weights: list[tuple[NDArray[np.float32], NDArray[np.float32]]]) -> Predict:
    import onnxruntime
    from onnx import TensorProto, checker, helper, numpy_helper

    nodes, constants, value = [], [], "x"
    for i, (weight, bias) in enumerate(weights):
        constants += [numpy_helper.from_array(weight, f"w{i}"), numpy_helper.from_array(bias, f"b{i}")]
        nodes.append(helper.make_node("Gemm", [value, f"w{i}", f"b{i}"], [f"z{i}"]))
        last = i == len(weights) - 1
        value = "y" if last else f"a{i}"
        nodes.append(helper.make_node("Softmax" if last else "Relu", [f"z{i}"], [value]))
    graph = helper.make_graph(
        nodes,
        "mlp",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, _WIDTHS[0]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, _WIDTHS[-1]])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return lambda X: session.run(None, {"x": X})[0]


def _pytorch(weights: list[tuple[NDArray[np.float32], NDArray[np.float32]]]) -> Predict:
    import torch
    from torch import nn

    stack: list[nn.Module] = []
    for weight, bias in weights:
        linear = nn.Linear(*weight.shape)
        linear.load_state_dict({"weight": torch.from_numpy(weight.T.copy()), "bias": torch.from_numpy(bias.copy())})
        stack += [linear, nn.ReLU()]
    model = nn.Sequential(*stack[:-1], nn.Softmax(dim=1)).eval()

    def predict(X: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            return model(torch.from_numpy(X)).numpy()

    return predict


def _sklearn(weights: list[tuple[NDArray[np.float32], NDArray[np.float32]]]) -> Predict:
    import warnings

    from sklearn.neural_network import MLPClassifier

    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, _WIDTHS[0])).astype(np.float32)
    model = MLPClassifier(_WIDTHS[1:-1], max_iter=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, np.arange(200) % _WIDTHS[-1])
    return model.predict_proba
