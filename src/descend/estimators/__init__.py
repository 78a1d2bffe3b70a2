"""Estimators that follow scikit-learn's contract."""

from descend.estimators.mlp import MLPClassifier, MLPRegressor
from descend.estimators.network import NetworkClassifier, NetworkRegressor
from descend.estimators.perceptron import Perceptron
from descend.estimators.sigmoid_neuron import SigmoidNeuron

__all__ = ["MLPClassifier", "MLPRegressor", "NetworkClassifier", "NetworkRegressor", "Perceptron", "SigmoidNeuron"]
