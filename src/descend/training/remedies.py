"""What to do about updates that are too large, in the words of the arguments that a run was given."""

from __future__ import annotations

from collections.abc import Sequence

from descend.training.setup import Setup

#: What helps where features or targets are so large that outputs and gradients are as well.
STANDARDIZE = "standardize the features (and the target of a regression)"


def smaller_updates(setup: Setup | None, slower: str) -> list[str]:
    """Return what makes the updates smaller: a lower learning rate, and clipping or, where that is done, more of it.

    Nothing does for L-BFGS, which searches for the length of its steps and clips nothing.

    Parameters
    ----------
    setup : of the run, where it is known
    slower : from which learning rate and to which, beginning with a space, or ""
    """
    if setup is not None and setup.optimizer == "LBFGS":
        return []
    now = None if setup is None else setup.clip_norm
    clip = "clip the gradient with clip_norm=1.0" if now is None else f"lower clip_norm from {now:g} to {now / 10:g}"
    return [f"lower the learning rate{slower}", f"{clip} in the optimizer"]


def either(ways: Sequence[str]) -> str:
    """Return alternatives as a part of a sentence: "a, b, or c"."""
    return ways[0] if len(ways) == 1 else f"{', '.join(ways[:-1])}, or {ways[-1]}"
