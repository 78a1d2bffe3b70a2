"""Estimators of any architecture of the library."""

from descend.estimators.network.classifier import NetworkClassifier
from descend.estimators.network.regressor import NetworkRegressor

__all__ = ["NetworkClassifier", "NetworkRegressor"]
