"""Cases of losses, for the table in `ops_cases`."""

from __future__ import annotations

from descend import layers, losses
from op_case import OpCase


def _ending(name: str, last: list[layers.Layer], loss: losses.Loss, *, units: int = 5, **settings: object) -> OpCase:
    def make() -> list[layers.Layer]:
        return [layers.Dense(9, activation="tanh"), layers.Dense(units), *last]

    return OpCase(f"loss-{name}", make, (6,), loss, **settings)  # type: ignore[arg-type]


LOSS_CASES = [
    _ending("mse", [], losses.MSE()),
    _ending("mse-weighted", [], losses.MSE(), weighted=True),
    _ending("mse-after-sigmoid", [layers.Sigmoid()], losses.MSE()),
    _ending("mae", [], losses.MAE()),
    _ending("mae-weighted", [], losses.MAE(), weighted=True),
    _ending("rmse", [], losses.RMSE()),
    _ending("rmse-weighted", [], losses.RMSE(), weighted=True),
    _ending("huber", [], losses.Huber(0.7)),
    _ending("huber-weighted", [], losses.Huber(), weighted=True),
    _ending("pinball", [], losses.Pinball(0.9)),
    _ending("pinball-weighted", [], losses.Pinball(0.2), weighted=True),
    _ending("hinge", [], losses.Hinge(), units=1),
    _ending("hinge-weighted", [layers.Tanh()], losses.Hinge(), weighted=True),
    _ending("poisson", [layers.Exponential()], losses.Poisson()),
    _ending("poisson-weighted", [layers.Exponential()], losses.Poisson(), weighted=True),
    _ending("poisson-from-values", [layers.Softplus()], losses.Poisson()),
    _ending("poisson-not-absorbed", [layers.Exponential()], losses.Poisson(), absorb=False),
    _ending("bce", [layers.Sigmoid()], losses.BinaryCrossentropy(), units=1),
    _ending("bce-labels", [layers.Sigmoid()], losses.BinaryCrossentropy()),
    _ending("bce-weighted", [layers.Sigmoid()], losses.BinaryCrossentropy(0.1), weighted=True),
    _ending("bce-from-values", [layers.HardSigmoid()], losses.BinaryCrossentropy(0.2)),
    _ending("bce-not-absorbed", [layers.Sigmoid()], losses.BinaryCrossentropy(), absorb=False),
    _ending("cce-index", [layers.Softmax()], losses.CategoricalCrossentropy(), index_target=True),
    _ending("cce-two", [layers.Softmax()], losses.CategoricalCrossentropy(), index_target=True, units=2),
    _ending("cce-many", [layers.Softmax()], losses.CategoricalCrossentropy(), index_target=True, units=67),
    _ending("cce-dense", [layers.Softmax()], losses.CategoricalCrossentropy()),
    _ending("cce-smooth", [layers.Softmax()], losses.CategoricalCrossentropy(0.1), index_target=True),
    _ending("cce-weighted", [layers.Softmax()], losses.CategoricalCrossentropy(), index_target=True, weighted=True),
    _ending("cce-not-absorbed", [layers.Softmax()], losses.CategoricalCrossentropy(0.1), absorb=False),
    _ending("mse-noisy", [], losses.MSE(label_noise=0.5), weighted=True),
    _ending("pinball-noisy", [], losses.Pinball(0.3, label_noise=2.0)),
    _ending("hinge-noisy", [], losses.Hinge(label_noise=0.4)),
    _ending("bce-noisy", [layers.Sigmoid()], losses.BinaryCrossentropy(0.1, label_noise=0.4)),
    _ending("cce-noisy", [layers.Softmax()], losses.CategoricalCrossentropy(label_noise=0.4), index_target=True),
    _ending("cce-noisy-dense", [layers.Softmax()], losses.CategoricalCrossentropy(label_noise=0.4)),
    _ending(
        "cce-noisy-not-absorbed",
        [layers.Softmax()],
        losses.CategoricalCrossentropy(0.1, label_noise=0.4),
        absorb=False,
        index_target=True,
    ),
    _ending("cce-groups", [layers.Softmax((3, 2))], losses.CategoricalCrossentropy(), index_target=True),
    _ending(
        "cce-groups-many",
        [layers.Softmax((1, 5, 70, 2, 55, 17))],
        losses.CategoricalCrossentropy(),
        index_target=True,
        units=150,
    ),
    _ending("cce-groups-dense", [layers.Softmax((2, 3))], losses.CategoricalCrossentropy(), weighted=True),
    _ending(
        "cce-groups-smooth", [layers.Softmax((9, 13))], losses.CategoricalCrossentropy(0.1), index_target=True, units=22
    ),
    _ending(
        "cce-groups-scaled",
        [layers.Softmax((4, 1))],
        losses.CategoricalCrossentropy(0.2),
        index_target=True,
        scale=2.0,
        weighted=True,
    ),
    _ending(
        "cce-groups-not-absorbed",
        [layers.Softmax((2, 65, 3))],
        losses.CategoricalCrossentropy(),
        absorb=False,
        units=70,
    ),
    _ending(
        "cce-groups-noisy",
        [layers.Softmax((3, 1, 2))],
        losses.CategoricalCrossentropy(label_noise=0.4),
        index_target=True,
        units=6,
        weighted=True,
    ),
    _ending(
        "cce-groups-noisy-dense",
        [layers.Softmax((2, 65, 3))],
        losses.CategoricalCrossentropy(0.1, label_noise=0.4),
        units=70,
    ),
    _ending(
        "cce-groups-noisy-not-absorbed",
        [layers.Softmax((3, 2))],
        losses.CategoricalCrossentropy(0.1, label_noise=0.4),
        absorb=False,
        index_target=True,
    ),
    _ending("mse-scaled", [], losses.MSE(), scale=2.5),
    _ending("rmse-scaled", [], losses.RMSE(), scale=0.25),
    _ending("bce-scaled", [layers.Sigmoid()], losses.BinaryCrossentropy(), scale=5.0, weighted=True),
    _ending("cce-scaled", [layers.Softmax()], losses.CategoricalCrossentropy(), index_target=True, scale=0.5),
]

#: A ceiling cuts the loss and not its gradient, so these have none of finite differences.
CEILING_CASES = [
    _ending("bce-ceiling", [layers.Sigmoid()], losses.BinaryCrossentropy(), ceiling=0.7),
    _ending("bce-ceiling-not-absorbed", [layers.Sigmoid()], losses.BinaryCrossentropy(), ceiling=0.7, absorb=False),
    _ending("cce-ceiling", [layers.Softmax()], losses.CategoricalCrossentropy(), index_target=True, ceiling=1.6),
    _ending("cce-ceiling-dense", [layers.Softmax()], losses.CategoricalCrossentropy(), ceiling=1.6, weighted=True),
    _ending("cce-groups-ceiling", [layers.Softmax((3, 2))], losses.CategoricalCrossentropy(), ceiling=0.9),
    _ending(
        "cce-ceiling-not-absorbed", [layers.Softmax()], losses.CategoricalCrossentropy(), ceiling=1.6, absorb=False
    ),
]
