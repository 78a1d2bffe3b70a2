"""Classic functions of two variables, each with its gradient. Points are (2, ...) arrays."""

from __future__ import annotations

import numpy as np

from descend.experiments.descent import Surface, Vector

__all__ = ["BEALE", "LOCAL_MINIMUM", "RAVINE", "ROSENBROCK", "SADDLE", "SURFACES", "local_minimum"]

#: How much steeper the ravine is across than along.
_RATIO = 100.0


def _ravine(p: Vector) -> Vector:
    return (p[0] ** 2 + _RATIO * p[1] ** 2) / 2


def _ravine_gradient(p: Vector) -> Vector:
    return np.array([p[0], _RATIO * p[1]])


def _rosenbrock(p: Vector) -> Vector:
    return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2


def _rosenbrock_gradient(p: Vector) -> Vector:
    rise = p[1] - p[0] ** 2
    return np.array([-2 * (1 - p[0]) - 400 * p[0] * rise, 200 * rise])


def _beale_terms(p: Vector) -> tuple[Vector, Vector, Vector]:
    x, y = p
    return 1.5 - x + x * y, 2.25 - x + x * y**2, 2.625 - x + x * y**3


def _beale(p: Vector) -> Vector:
    a, b, c = _beale_terms(p)
    return a**2 + b**2 + c**2


def _beale_gradient(p: Vector) -> Vector:
    x, y = p
    a, b, c = _beale_terms(p)
    along = 2 * (a * (y - 1) + b * (y**2 - 1) + c * (y**3 - 1))
    return np.array([along, 2 * x * (a + 2 * b * y + 3 * c * y**2)])


def _saddle(p: Vector) -> Vector:
    return (p[0] ** 2 - p[1] ** 2) / 2 + p[1] ** 4 / 4


def _saddle_gradient(p: Vector) -> Vector:
    return np.array([p[0], -p[1] + p[1] ** 3])


def local_minimum(barrier: float) -> Surface:
    """A long slope with a local minimum near x = 0.85, behind which the lowest point lies near x = -1.

    Parameters
    ----------
    barrier : float
        0.04 to 0.35: the larger, the higher the ridge between the two, seen from the local minimum.
    """
    # On the x axis a double well a x^4 - b x^2 tilted by c x; a weaker tilt leaves a higher ridge.
    tilt = 0.4 - barrier

    def value(p: Vector) -> Vector:
        return p[0] ** 4 / 2 - p[0] ** 2 + tilt * p[0] + p[1] ** 2

    def gradient(p: Vector) -> Vector:
        return np.array([2 * p[0] ** 3 - 2 * p[0] + tilt, 2 * p[1]])

    roots = np.sort(np.roots([2, 0, -2, tilt]).real)
    return Surface(
        name="local minimum",
        formula=f"x⁴/2 - x² + {tilt:.2g}x + y²",
        value=value,
        gradient=gradient,
        minimum=(float(roots[0]), 0.0),
        start=(1.75, 0.9),
        bounds=(-1.8, 2.1, -1.3, 1.3),
    )


LOCAL_MINIMUM = local_minimum(0.2)
RAVINE = Surface(
    "ravine", "(x² + 100y²)/2", _ravine, _ravine_gradient, (0.0, 0.0), (-9.0, 0.8), (-10.0, 3.0, -1.3, 1.3)
)
ROSENBROCK = Surface(
    "Rosenbrock", "(1 - x)² + 100(y - x²)²", _rosenbrock, _rosenbrock_gradient, (1.0, 1.0), (-1.3, 1.6),
    (-1.9, 1.6, -0.6, 2.3),
)  # fmt: skip
BEALE = Surface(
    "Beale", "(1.5 - x + xy)² + (2.25 - x + xy²)² + (2.625 - x + xy³)²", _beale, _beale_gradient, (3.0, 0.5),
    (0.6, 1.4), (-0.6, 4.2, -1.2, 1.9),
)  # fmt: skip
SADDLE = Surface(
    "saddle", "(x² - y²)/2 + y⁴/4", _saddle, _saddle_gradient, (0.0, 1.0), (1.3, 0.0), (-1.0, 1.6, -1.4, 1.4), 0.01,
    ((0.0, -1.0),),
)  # fmt: skip

#: Those whose paths are compared.
SURFACES = (LOCAL_MINIMUM, ROSENBROCK, BEALE, SADDLE, RAVINE)
