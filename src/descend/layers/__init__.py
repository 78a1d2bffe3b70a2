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
from descend.layers.columns import ColumnLayer
from descend.layers.concatenate import Concatenate
from descend.layers.convolution import (
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
    Sliding,
)
from descend.layers.cropping import Crop, RandomCrop, RandomTimeCrop
from descend.layers.dense import Dense
from descend.layers.dropout import Dropout, SpatialDropout1D, SpatialDropout2D
from descend.layers.embedding import Embedding
from descend.layers.encoding import MAX_LEVELS, Impute, OneHot, missing_columns
from descend.layers.erasing import Cutout, RandomErasing
from descend.layers.gaussian_noise import GaussianNoise
from descend.layers.intensities import Intensity, RandomBrightness, RandomContrast, RandomScaling
from descend.layers.layer_norm import LayerNorm
from descend.layers.mixing import CutMix, Mixup, SwapNoise
from descend.layers.numeric_embeddings import PeriodicEmbedding, PiecewiseLinearEmbedding
from descend.layers.padding import ZeroPadding, ZeroPadding1D, ZeroPadding2D
from descend.layers.pooling import (
    AveragePool1D,
    AveragePool2D,
    GlobalAveragePool1D,
    GlobalAveragePool2D,
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    GlobalPool,
    MaxPool1D,
    MaxPool2D,
    Pool,
)
from descend.layers.recurrent import GRU, LSTM, Recurrent, SimpleRNN
from descend.layers.reshape import Flatten, Reshape
from descend.layers.residual import Residual
from descend.layers.scaling import QuantileTransform, RobustScale, Standardize
from descend.layers.time_warping import MAX_KNOTS, RandomTimeShift, RandomTimeWarp
from descend.layers.warping import (
    FlipMode,
    RandomAffine,
    RandomFlip,
    RandomRotation,
    RandomShear,
    RandomTranslation,
    RandomZoom,
    Warping,
)

__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "LSTM",
    "MAX_KNOTS",
    "MAX_LEVELS",
    "MAX_UNITS",
    "RELU_FAMILY",
    "SELU",
    "Activation",
    "AveragePool1D",
    "AveragePool2D",
    "BatchNorm",
    "Bidirectional",
    "ColumnLayer",
    "Concatenate",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Crop",
    "CutMix",
    "Cutout",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Dropout",
    "Elementwise",
    "Embedding",
    "Exponential",
    "Flatten",
    "FlipMode",
    "GaussianNoise",
    "GlobalAveragePool1D",
    "GlobalAveragePool2D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalPool",
    "HardSigmoid",
    "Impute",
    "Intensity",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "MaxPool1D",
    "MaxPool2D",
    "Mish",
    "Mixup",
    "OneHot",
    "PReLU",
    "PeriodicEmbedding",
    "PiecewiseLinearEmbedding",
    "Pool",
    "QuantileTransform",
    "RandomAffine",
    "RandomBrightness",
    "RandomContrast",
    "RandomCrop",
    "RandomErasing",
    "RandomFlip",
    "RandomRotation",
    "RandomScaling",
    "RandomShear",
    "RandomTimeCrop",
    "RandomTimeShift",
    "RandomTimeWarp",
    "RandomTranslation",
    "RandomZoom",
    "ReLU",
    "Recurrent",
    "Reshape",
    "Residual",
    "RobustScale",
    "SeparableConv1D",
    "SeparableConv2D",
    "Shape",
    "SiLU",
    "Sigmoid",
    "SimpleRNN",
    "Sliding",
    "Softmax",
    "Softplus",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "Standardize",
    "SwapNoise",
    "Tanh",
    "Warping",
    "ZeroPadding",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "activation_names",
    "expand_once",
    "missing_columns",
    "registry",
    "resolve_activation",
]
