"""Pictures of training and of trained models. Matplotlib is imported when a picture is drawn, not before.

Functions return the matplotlib Axes they drew on (and take `ax=` to draw on an existing one); displays follow
scikit-learn's convention: `Display.from_estimator(...)` computes, `.plot(ax=)` draws, `.ax_` and `.figure_` hold the
result. Nothing here computes what a network means: values come from the model or from the reference engine.
"""

from descend.plots.activation import activation, activations
from descend.plots.augmented import augmented
from descend.plots.boundary import DecisionBoundaryDisplay, decision_boundary
from descend.plots.confusions import confused
from descend.plots.filters import filters
from descend.plots.hyperplane import hyperplane_equation
from descend.plots.learning import learning_curves
from descend.plots.monitor import monitor
from descend.plots.saliency import saliency

__all__ = [
    "DecisionBoundaryDisplay",
    "activation",
    "activations",
    "augmented",
    "confused",
    "decision_boundary",
    "filters",
    "hyperplane_equation",
    "learning_curves",
    "monitor",
    "saliency",
]
