"""All techniques in the order of the index."""

from __future__ import annotations

from generator.basics import BASICS
from generator.optimizing import OPTIMIZERS
from generator.regularizing import REGULARIZATION

TECHNIQUES = (*BASICS, *OPTIMIZERS, *REGULARIZATION)
