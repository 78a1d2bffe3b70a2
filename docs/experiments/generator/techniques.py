"""All techniques in the order of the index."""

from __future__ import annotations

from generator.basics import BASICS
from generator.building import BUILDING
from generator.optimizing import OPTIMIZERS
from generator.perturbing import PERTURBATION
from generator.regularizing import REGULARIZATION

TECHNIQUES = (*BASICS, *OPTIMIZERS, *REGULARIZATION, *PERTURBATION, *BUILDING)
