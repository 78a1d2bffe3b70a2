"""MLPClassifier and MLPRegressor in workers, threads and forked children: threads they use, bits they get."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.ensemble import BaggingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from descend import MLPClassifier, MLPRegressor
from descend.engine import native
from descend.training.engines import processors

X, Y = load_digits(return_X_y=True)
X /= 16
TASKS = Path("/proc/self/task")  # one entry per thread of this process, whoever made it

needs_tasks = pytest.mark.skipif(not TASKS.is_dir(), reason="threads are counted in /proc")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


@pytest.fixture(autouse=True)
def _short_runs_do_not_converge() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def _train(seed: int, regress: bool = False) -> NDArray[np.float64]:
    """All weights of a model that is wide enough to be given to several threads."""
    kind: Any = MLPRegressor if regress else MLPClassifier
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = kind(hidden_layer_sizes=(120, 40), max_iter=3, batch_size=900, random_state=seed).fit(X, Y)
    return np.concatenate([w.ravel() for w in (*model.coefs_, *model.intercepts_)])


def _threads_made(seed: int) -> int:
    """How many threads are there after a training that were not there before."""
    before = len(os.listdir(TASKS))
    _train(seed)
    return len(os.listdir(TASKS)) - before


@needs_tasks
@pytest.mark.skipif(processors() < 2, reason="one core")
@pytest.mark.parametrize("where", ["outside", "threading", "loky"])
def test_workers_make_no_threads_of_their_own(where: str) -> None:
    """In a fresh interpreter, whose engine has no threads yet; outside of workers the engine makes some."""
    code = (
        "import joblib, os, sys; sys.path.insert(0, sys.argv[1]); import test_estimators_parallel as t\n"
        "if sys.argv[2] == 'outside': print(t._threads_made(0))\n"
        "else:\n"
        "    with joblib.parallel_config(sys.argv[2], n_jobs=t.processors()):\n"
        "        joblib.Parallel()(joblib.delayed(t.time.sleep)(0.2) for _ in range(2 * t.processors()))\n"
        "        print(*joblib.Parallel()(joblib.delayed(t._threads_made)(i) for i in range(4)))\n"
    )
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    command = [sys.executable, "-c", code, os.path.dirname(__file__), where]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    made = [int(word) for word in done.stdout.split()]
    if where == "outside":
        assert len(made) == 1 and made[0] >= 1, done.stderr
    elif where == "loky":
        assert made == [0] * 4, done.stderr
    else:  # one pool of workers for all: what they count is theirs together
        assert len(made) == 4 and max(made) <= 0, done.stderr


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_workers_get_the_same_bits(backend: str) -> None:
    jobs = [(seed, regress) for seed in range(3) for regress in (False, True)]
    alone = [_train(*job) for job in jobs]
    found = joblib.Parallel(2, backend=backend)(joblib.delayed(_train)(*job) for job in jobs)
    for mine, other in zip(found, alone, strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_meta_estimators_with_workers_get_the_same_bits(backend: str) -> None:
    grid = {"alpha": [1e-4, 1.0], "batch_size": [100, 800]}
    model = MLPClassifier((30,), max_iter=3, random_state=0)
    found = []
    for jobs in (1, 2):
        with joblib.parallel_config(backend):
            search = GridSearchCV(model, grid, cv=2, n_jobs=jobs, scoring="neg_log_loss").fit(X, Y)
            bags = BaggingClassifier(model, n_estimators=3, n_jobs=jobs, random_state=0).fit(X, Y)
            found.append((search.cv_results_["mean_test_score"], search.predict_proba(X), bags.predict_proba(X)))
    for alone, together in zip(*found, strict=True):
        np.testing.assert_array_equal(alone, together)


def test_threads_of_the_user_train_at_once() -> None:
    alone = [_train(seed) for seed in range(4)]
    found: dict[int, NDArray] = {}
    team = [threading.Thread(target=lambda seed=seed: found.update({seed: _train(seed)})) for seed in range(4)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for thread in team:
            thread.start()
        for thread in team:
            thread.join()
    for seed, weights in enumerate(alone):
        np.testing.assert_array_equal(found[seed], weights)


class Watched:
    """Notes when the engine is inside its native call for an epoch."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, count: list[int]) -> None:
        self.steps: list[int] = []  # of the counter, while each epoch was in native code
        self.entered, self.inside = threading.Event(), False
        train = native.NativeEngine.train

        def watched(engine: Any, batch: Any, *args: Any, **kwargs: Any) -> Any:
            if batch.X.shape[0] < LONG:
                return train(engine, batch, *args, **kwargs)
            self.inside, before = True, count[0]
            self.entered.set()
            try:
                return train(engine, batch, *args, **kwargs)
            finally:
                self.steps.append(count[0] - before)
                self.inside = False

        monkeypatch.setattr(native.NativeEngine, "train", watched)


LONG = 40_000  # rows of the run that is watched


def test_the_interpreter_goes_on_while_an_epoch_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that counts gets on, and another model is trained from end to end, inside one native call."""
    count, over = [0], threading.Event()
    watched = Watched(monkeypatch, count)
    rng = np.random.default_rng(0)
    rows, numbers = rng.normal(size=(LONG, 40)), rng.normal(size=LONG)
    others = 0

    def tick() -> None:
        while not over.is_set():
            count[0] += 1
            time.sleep(0.001)  # gives the interpreter away and must win it back

    def train() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            MLPRegressor(hidden_layer_sizes=(200, 200), max_iter=4, tol=0.0, random_state=0).fit(rows, numbers)
        over.set()

    team = [threading.Thread(target=tick), threading.Thread(target=train)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for thread in team:
            thread.start()
        while not over.is_set():
            if watched.entered.wait(0.01):
                epoch = len(watched.steps)
                MLPClassifier((5,), max_iter=2, random_state=0).fit(X[:100], Y[:100])
                others += watched.inside and len(watched.steps) == epoch
        for thread in team:
            thread.join()
    assert len(watched.steps) == 4
    assert max(watched.steps) >= 10
    assert others >= 1


@needs_fork
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "training"])
def test_forked_children_fit(busy: bool) -> None:
    """By os.fork itself, with the parent's engine threads there; idle, or while another thread trains with them."""
    code = (
        "import os, sys, threading, warnings; warnings.simplefilter('ignore')\n"
        "sys.path.insert(0, sys.argv[1]); import test_estimators_parallel as t; import numpy as np\n"
        "expected, over = t._train(0), False\n"
        "def go():\n"
        "    while not over: t._train(1)\n"
        "other = threading.Thread(target=go); other.start() if sys.argv[2] == 'True' else None\n"
        "for _ in range(8):\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        same = np.array_equal(t._train(0), expected) and np.array_equal(t._train(0), expected)\n"
        "        os._exit(0 if same else 1)\n"
        "    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)\n"
        "print(np.array_equal(t._train(0), expected)); over = True\n"
    )
    command = [sys.executable, "-c", code, os.path.dirname(__file__), str(busy)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["0"] * 8 + ["True"], done.stdout + done.stderr
