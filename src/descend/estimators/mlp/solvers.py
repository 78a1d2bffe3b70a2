"""The optimizer and the learning rate that an estimator's keywords describe."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from descend import optimizers, schedules
from descend.estimators.mlp import rates

#: The rate that scikit-learn's estimators begin with.
RATE = 0.001
#: Rules of scikit-learn; other names of `learning_rate` are those of `descend.schedules`.
RULES = ("constant", "invscaling", "adaptive")
#: Schedules that a name and a first rate are enough for.
SCHEDULES = ("cosine", "exponential", "one_cycle", "reduce_on_plateau", "step")

#: Solvers of scikit-learn's, with which it skips the parameters they have no use for.
THEIRS = ("adam", "sgd", "lbfgs")
#: Numbers of optimizers, and their defaults.
NUMBERS: dict[str, Any] = {"momentum": 0.9, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}
#: What only solvers have a use for that go batch by batch.
BY_BATCHES: dict[str, Any] = {
    "batch_size": "auto",
    "learning_rate": "constant",
    "shuffle": True,
    "early_stopping": False,
    "n_iter_no_change": 10,
}


def optimizer_of(p: Any) -> optimizers.Optimizer:
    """Return the optimizer of an `MLPClassifier` or `MLPRegressor`, with its first rate or its schedule.

    Raises
    ------
    ValueError
        When parameters contradict each other, or the solver has no use for one that is not its default.
    """
    chosen = _named(p) if isinstance(p.solver, str) else _given(p)
    _refuse_unused(p, chosen)
    if isinstance(chosen, optimizers.LBFGS):
        _refuse_for_lbfgs(p)
        return chosen
    schedule = _schedule(p, chosen)
    changes: dict[str, Any] = {} if schedule is None else {"learning_rate": schedule}
    for name in ("weight_decay", "gradient_noise", "average_decay"):
        if getattr(p, name) is not None:
            changes[name] = float(getattr(p, name))
    return replace(chosen, **changes) if changes else chosen


def rule_of(p: Any, optimizer: optimizers.Optimizer) -> tuple[float, rates.Rule]:
    """Return the first rate and how it goes on."""
    if isinstance(optimizer, optimizers.LBFGS):
        return RATE, rates.Constant()
    schedule = optimizer.schedule
    if not isinstance(schedule, schedules.Constant):
        return rates.first(schedule), rates.of_schedule(schedule)
    # scikit-learn's "adam" knows no rule, and says so.
    named = p.learning_rate in RULES and p.solver != "adam"
    return schedule.rate, rates.rule(p.learning_rate, float(p.power_t)) if named else rates.Constant()


def _named(p: Any) -> optimizers.Optimizer:
    rate = RATE if isinstance(p.learning_rate_init, schedules.Schedule) else float(p.learning_rate_init)
    if p.solver == "lbfgs":
        return optimizers.LBFGS(max_iter=int(p.max_iter), max_fun=int(p.max_fun), tol=float(p.tol))
    if p.solver == "sgd":
        return optimizers.HeavyBall(rate, momentum=float(p.momentum), nesterov=bool(p.nesterovs_momentum))
    if p.solver == "adam":
        return optimizers.Adam(
            rate, beta_1=float(p.beta_1), beta_2=float(p.beta_2), epsilon=float(p.epsilon), epsilon_hat=True
        )
    plain = optimizers.resolve(p.solver)
    known = {field.name for field in fields(plain) if field.init}
    numbers = {name: float(getattr(p, name)) for name in NUMBERS if name in known}
    if isinstance(plain, optimizers.Momentum):
        numbers["beta"] = float(p.momentum)
    return replace(plain, learning_rate=rate, **numbers)


def _given(p: Any) -> optimizers.Optimizer:
    """Return the object, which has numbers of its own."""
    if p.learning_rate_init != RATE:
        raise ValueError(
            f"learning_rate_init={p.learning_rate_init!r} does not count beside solver={p.solver!r}, which has a rate "
            "of its own; give the rate to the optimizer"
        )
    return p.solver


def _refuse_unused(p: Any, chosen: optimizers.Optimizer) -> None:
    """Refuse numbers that the solver has no use for; scikit-learn's own three solvers skip them, as there.

    Raises
    ------
    ValueError
        Naming the first.
    """
    if p.solver in THEIRS:
        return
    by_name = isinstance(p.solver, str)
    own = {field.name for field in fields(chosen) if field.init} if by_name else set()
    unused: dict[str, Any] = {name: default for name, default in NUMBERS.items() if name not in own}
    if isinstance(chosen, optimizers.Momentum) and by_name:
        del unused["momentum"]  # it is called beta there
    unused |= {"nesterovs_momentum": True, "max_fun": 15000}
    if p.learning_rate != "invscaling":
        unused["power_t"] = 0.5
    if isinstance(chosen, optimizers.LBFGS):
        unused |= BY_BATCHES | {"tol": 1e-4, "max_iter": 200}
    for name, default in unused.items():
        value = getattr(p, name)
        if value != default:
            where = "by that name" if by_name else "which brings its own numbers"
            raise ValueError(
                f"{name}={value!r} does not count with solver={p.solver!r}, {where}; leave it at {default!r}"
                + ("" if by_name else ", or give it to the optimizer")
            )


def _schedule(p: Any, chosen: optimizers.Optimizer) -> schedules.Schedule | None:
    """Return the schedule that takes the place of the optimizer's rate, if any."""
    initial, rule = p.learning_rate_init, p.learning_rate
    places = [
        name
        for name, value in (
            ("learning_rate_init", initial),
            ("learning_rate", rule if rule not in RULES else 0.0),
            ("solver.learning_rate", chosen.learning_rate),
        )
        if isinstance(value, schedules.Schedule | str)
    ]
    if len(places) > 1 or (places and places != ["learning_rate"] and rule != "constant"):
        raise ValueError(
            f"the learning rate follows a schedule in {places[0]}, so learning_rate must be 'constant', got {rule!r}; "
            "give one schedule"
        )
    if isinstance(rule, schedules.Schedule):
        if initial != RATE:
            raise ValueError(
                f"learning_rate_init={initial!r} does not count beside learning_rate={rule!r}, which has a rate of its "
                "own; give the rate to the schedule"
            )
        return rule
    if isinstance(initial, schedules.Schedule):
        return initial
    if rule in RULES:
        return None
    rate: Any = chosen.learning_rate
    return schedules.resolve(rule, rate=float(rate))


def _any(shares: Any) -> bool:
    return bool(shares) if not hasattr(shares, "__iter__") else any(shares)


def _refuse_for_lbfgs(p: Any) -> None:
    """Refuse what a loss over all rows at once, minimized by SciPy, has no use for."""
    asked = {
        "input_noise": p.input_noise > 0,
        "label_noise": p.label_noise > 0,
        "scoring": p.scoring is not None,
        "dropout": _any(p.dropout),
        "drop_connect": _any(p.drop_connect),
        "batch_norm": bool(p.batch_norm),
        "weight_decay": p.weight_decay is not None,
        "gradient_noise": p.gradient_noise is not None,
        "average_decay": p.average_decay is not None,
        "accumulate": p.accumulate > 1,
        "learning_rate": p.learning_rate not in RULES,
        "learning_rate_init": isinstance(p.learning_rate_init, schedules.Schedule),
        "callbacks": bool(p.callbacks),
        "time_budget": p.time_budget is not None,
    }
    for name, given in asked.items():
        if given:
            raise ValueError(
                f"{name}={getattr(p, name)!r} does not go with solver='lbfgs', which takes all rows at once; choose a "
                "solver that goes batch by batch, such as 'adam'"
            )
