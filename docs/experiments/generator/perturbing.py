"""Pages on techniques that disturb weights, rows, labels or gradients, or average over such disturbance."""

from __future__ import annotations

from generator.regularizing import RELU, code_of
from generator.technique import Technique

PERTURBATION = (
    Technique(
        name="drop-connect",
        title="DropConnect",
        what="In training, each weight is left out with probability p; dropout does the same to a unit's whole column.",
        formula="""\
training            z = x (W * M) / (1 - p) + b, M = 0 with probability p, else 1, one M for all rows of a step
inference, mean     z = x W + b
inference, gaussian y = mean over q of f(m + s q), m = x W + b, s^2 = p / (1 - p) (x * x) (W * W)""",
        source="Wan and others, 2013.",
        code=code_of('layers.Dense(64, "relu", drop_connect=0.3, inference="gaussian")'),
        experiments=("drop-connect", "drop-connect-gaussian"),
        use=(
            "Wrong labels and noisy targets with few rows, where it gained more than dropout of the same share. The "
            "Gaussian prediction gained a little more than the mean network, but no more than the intervals are wide."
        ),
        avoid="Clean data: the test score did not rise there.",
    ),
    Technique(
        name="mixup",
        title="Mixup",
        what="In training, every row is mixed with another of its batch, and so are their targets.",
        formula="""\
training    x = s x_r + (1 - s) x_q,  y = s y_r + (1 - s) y_q,  s from Beta(alpha, alpha), q any row of the batch
inference   x = x""",
        source="Zhang and others, 2018.",
        code=code_of(f"layers.Mixup(0.4), {RELU}"),
        experiments=("mixup",),
        use="Wrong labels and noisy regressions on few rows.",
        avoid="Features that are codes of categories, between which nothing lies: see [swap noise](swap-noise.md).",
    ),
    Technique(
        name="cutmix",
        title="CutMix",
        what="In training, a random share of each row's features comes from another row, and the targets are mixed by it.",
        formula="""\
training    x_j = x_rj with probability s, else x_qj;  y = t y_r + (1 - t) y_q, t the share of features kept in fact
inference   x = x""",
        source="Yun and others, 2019, for rectangles of images; here for features without neighbourhoods.",
        code=code_of(f"layers.CutMix(0.4), {RELU}"),
        experiments=("cutmix",),
        use="The same as [mixup](mixup.md); it gained more than mixup on both noisy sets, and categories stay what they are.",
        avoid="Functions that depend on how features go together, such as their differences: it tears pairs apart.",
    ),
    Technique(
        name="swap-noise",
        title="Swap noise",
        what="In training, each element is replaced with some probability by the same feature of another row.",
        formula="""\
training    x_j = x_qj with probability rate, else x_rj; q another row for each element; targets stay
inference   x = x""",
        source="Vincent and others, 2010 (denoising); in this form from M. Jahrer's tabular autoencoders, 2017.",
        code=code_of(f"layers.SwapNoise(0.1), {RELU}"),
        experiments=("swap-noise",),
        use="Tables of unlike columns, categories among them: the noise has each column's own distribution.",
        avoid="Columns that identify a row or decide the target alone: what they say is swapped away.",
    ),
    Technique(
        name="label-noise",
        title="Noise on the labels",
        what="In training, a label is replaced at random with some probability, or a number gets normal noise, anew each step.",
        formula="""\
classes   y = another class with probability p
numbers   y = y + deviation z, z standard normal""",
        source="Xie and others, 2016 (DisturbLabel).",
        code=code_of(RELU, fit=", loss=losses.CategoricalCrossentropy(label_noise=0.1)"),
        experiments=("label-noise",),
        use="Keeping outputs from running to certainty: the gap between the losses narrows on wrong labels.",
        avoid="More right answers: the test score fell on clean labels. On numbers it is noise that averages out.",
    ),
    Technique(
        name="gradient-noise",
        title="Noise on the gradients",
        what="Every element of the gradient gets normal noise whose variance falls with the steps.",
        formula="g <- g + N(0, eta / (1 + t)^gamma), gamma = 0.55",
        source="Neelakantan and others, 2015.",
        code=code_of(RELU, fit=", optimizer=optimizers.Adam(0.003, gradient_noise=0.1)"),
        experiments=("gradient-noise",),
        use="Wrong labels; poor initial weights of deep networks, for which its authors made it.",
        avoid="Clean data: the test score fell there and on three of four [real sets](effects.md). Untuned: Adam divides it by itself.",
    ),
    Technique(
        name="weight-averaging",
        title="Averages of the weights",
        what="Predictions are made with an average of the weights along the path, not with the last ones.",
        formula="""\
moving average   a <- decay a + (1 - decay) w after every update (corrected for its start)
SWA              a = mean of the weights after each epoch from `start` on""",
        source="Polyak and Juditsky, 1992; Izmailov and others, 2018.",
        code=code_of(RELU, fit=", optimizer=optimizers.Adam(0.003, average_decay=0.99)"),
        experiments=("moving-average", "swa"),
        use="The end of a training at a constant learning rate, whose noise it takes out at no cost but memory.",
        avoid="Expecting much: the gap narrowed a little, R² rose by 0.02 on a noisy regression, accuracy not at all.",
    ),
)
