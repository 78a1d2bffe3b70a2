"""Layers: what a network is made of, as frozen configuration."""

from descend.layers.activations import (
    ELU,
    GELU,
    RELU_FAMILY,
    SELU,
    Activation,
    Elementwise,
    Exponential,
    HardSigmoid,
    LeakyReLU,
    Linear,
    Mish,
    PReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
    activation_names,
    resolve_activation,
)
from descend.layers.base import MAX_UNITS, Layer, Shape, expand_once, registry
from descend.layers.batch_norm import BatchNorm
from descend.layers.bidirectional import Bidirectional
from descend.layers.concatenate import Concatenate
from descend.layers.dense import Dense
from descend.layers.dropout import Dropout
from descend.layers.embedding import Embedding
from descend.layers.gaussian_noise import GaussianNoise
from descend.layers.layer_norm import LayerNorm
from descend.layers.mixing import CutMix, Mixup, SwapNoise
from descend.layers.recurrent import GRU, LSTM, Recurrent, SimpleRNN
from descend.layers.residual import Residual

__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "LSTM",
    "MAX_UNITS",
    "RELU_FAMILY",
    "SELU",
    "Activation",
    "BatchNorm",
    "Bidirectional",
    "Concatenate",
    "CutMix",
    "Dense",
    "Dropout",
    "Elementwise",
    "Embedding",
    "Exponential",
    "GaussianNoise",
    "HardSigmoid",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "Mish",
    "Mixup",
    "PReLU",
    "ReLU",
    "Recurrent",
    "Residual",
    "Shape",
    "SiLU",
    "Sigmoid",
    "SimpleRNN",
    "Softmax",
    "Softplus",
    "SwapNoise",
    "Tanh",
    "activation_names",
    "expand_once",
    "registry",
    "resolve_activation",
]
