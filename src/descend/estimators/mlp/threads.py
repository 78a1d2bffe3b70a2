"""How many threads an estimator may use where it runs. The bits of the result do not depend on it."""

from __future__ import annotations

import os
import threading
from typing import Any

from descend.plan import Plan
from descend.training.engines import processors

#: Multiplications and additions that a thread gets at least: with less, a second one gains nothing even on an idle
#: machine. On a busy one the engine finds out that it is faster alone.
SHARE = 5e5


def choose(plan: Plan, rows: int, passes: int, wanted: int | None = None) -> int:
    """Return the number of threads for work on `rows` rows at a time; 0 leaves it to the engine.

    Parameters
    ----------
    plan : of the network
    rows : that go through the network together
    passes : 1 for prediction, 3 for training
    wanted : the user's number, which counts more than all else
    """
    if wanted is not None:
        return int(wanted)
    work = 2.0 * passes * plan.size * rows
    if work < 2 * SHARE:
        return 1
    most = limit()
    if most is None or most >= processors():
        return 0
    return max(1, min(most, int(work / SHARE)))


def limit() -> int | None:
    """Return how many threads the surroundings allow, or None when they do not say.

    A thread that joblib started has siblings, so it gets no more threads; a process that joblib started was told its
    share in OMP_NUM_THREADS, which counts outside of joblib too.
    """
    if _joblib_level() > 0 and threading.current_thread() is not threading.main_thread():
        return 1
    told = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if told.isdecimal() and int(told) > 0:
        return int(told)
    return 1 if _joblib_level() > 0 else None


def _joblib_level() -> int:
    """Return how deep inside joblib's workers this code runs; 0 outside."""
    from joblib.parallel import get_active_backend

    backend: Any = get_active_backend()[0]
    return getattr(backend, "nesting_level", 0) or 0
