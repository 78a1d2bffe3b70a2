"""scikit-learn's checks of its estimator contract, as parameters of a test."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks


def checks_of(estimators: list[Any]) -> pytest.MarkDecorator:
    """Parametrize a test by (estimator, check); as a list, because older releases hand pytest a generator."""
    mark = parametrize_with_checks(estimators)
    names, cases = mark.args
    return pytest.mark.parametrize(names, list(cases), **mark.kwargs)
