"""Estimators that follow scikit-learn's contract."""

from descend.estimators.mlp import MLPClassifier, MLPRegressor
from descend.estimators.perceptron import Perceptron
from descend.estimators.sigmoid_neuron import SigmoidNeuron

__all__ = ["MLPClassifier", "MLPRegressor", "Perceptron", "SigmoidNeuron"]
