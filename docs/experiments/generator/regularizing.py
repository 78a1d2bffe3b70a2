"""Pages on normalization and on techniques against overfitting."""

from __future__ import annotations

from generator.technique import Technique


def code_of(hidden: str, *, network: str = "", before: str = "", fit: str = "") -> str:
    """A network with these hidden layers on few digits, and its training and test accuracy."""
    return f"""\
net = Network([{hidden}, layers.Dense(10)]{network})
{before}net.fit(X[:150], y[:150], epochs=60, batch_size=16{fit}, verbose=0)
for name, rows, labels in (("training", X[:150], y[:150]), ("test", X_test, y_test)):
    print(f"{{name:8}} accuracy {{net.evaluate(rows, labels, metrics=['accuracy'])['accuracy']:.3f}}")"""


RELU = 'layers.Dense(64, activation="relu")'

REGULARIZATION = (
    Technique(
        name="batch-normalization",
        title="Batch normalization",
        what="Each feature is brought to mean 0 and variance 1 over the mini-batch, then scaled and shifted by learned numbers.",
        formula="""\
training    y = gamma (x - mean of the batch) / sqrt(variance of the batch + epsilon) + beta
inference   the same with running means and variances""",
        source="Ioffe and Szegedy, 2015.",
        code=code_of("layers.Dense(64), layers.BatchNorm(), layers.ReLU()"),
        experiments=("batch-norm", "batch-norm-gap"),
        use="Learning rates ten times as high, poor initial weights, deep networks.",
        avoid=(
            "Very small batches, whose statistics are mostly noise. As the only regularizer: on two of three sets the "
            "gap became wider with it, not narrower."
        ),
    ),
    Technique(
        name="layer-normalization",
        title="Layer normalization",
        what="Each row is brought to mean 0 and variance 1 over its features; the batch plays no part.",
        formula="y = gamma (x - mean of the row) / sqrt(variance of the row + epsilon) + beta",
        source="Ba, Kiros and Hinton, 2016.",
        code=code_of("layers.Dense(64), layers.LayerNorm(), layers.ReLU()"),
        experiments=("layer-norm",),
        use="Small batches, where it does no harm, and initial weights that are too large.",
        avoid="Expecting all that batch normalization does: compare the two pages' numbers.",
    ),
    Technique(
        name="l1",
        title="The L1 penalty",
        what="A cost on the size of weights that pulls each towards zero with the same force.",
        formula="loss + lambda sum |w|, gradient lambda sign(w)",
        source="Tibshirani, 1996.",
        code=code_of(RELU, network=", penalty=penalties.L1(1e-3)"),
        experiments=("l1", "l1-zeros"),
        use="Finding out which inputs matter: weights of the others end so near zero that a small threshold finds them.",
        avoid=(
            "Counting zeros without a threshold: the gradient step carries a weight over zero, not onto it, so none of "
            "them is exactly zero."
        ),
    ),
    Technique(
        name="l2",
        title="The L2 penalty",
        what="A cost on the squares of weights, which shrinks large ones most.",
        formula="loss + lambda sum w^2, gradient 2 lambda w",
        source="Hoerl and Kennard, 1970; Krogh and Hertz, 1992.",
        code=code_of(RELU, network=", penalty=penalties.L2(l2=1e-2)"),
        experiments=("l2",),
        use="Noise in targets or labels: it gained most there.",
        avoid="Clean data with a strength that was right for noisy ones: the gap narrows and the test score falls.",
    ),
    Technique(
        name="elastic-net",
        title="The elastic net",
        what="L1 and L2 together.",
        formula="loss + lambda1 sum |w| + lambda2 sum w^2",
        source="Zou and Hastie, 2005.",
        code=code_of(RELU, network=", penalty=penalties.L1L2(1e-3, 1e-2)"),
        experiments=("elastic-net",),
        use="Groups of correlated inputs, of which L1 alone keeps one at random.",
        avoid="Tuning by hand: two strengths instead of one.",
    ),
    Technique(
        name="weight-decay",
        title="Weight decay",
        what="Weights shrink by a factor at every step, beside the gradient and not through it.",
        formula="w <- w (1 - eta decay), then the optimizer's update",
        source="Hanson and Pratt, 1989; Loshchilov and Hutter, 2019.",
        code=code_of(RELU, fit=", optimizer=optimizers.AdamW(0.003, weight_decay=1.0)"),
        experiments=("weight-decay",),
        use="With Adam and its relatives, in place of L2.",
        avoid="Keeping it when eta changes: what counts is eta times decay times the number of steps.",
    ),
    Technique(
        name="dropout",
        title="Dropout",
        what="In training, each unit is left out with probability p, so that none can rely on another.",
        formula="""\
training    y = x m / (1 - p), m = 0 with probability p, else 1
inference   y = x""",
        source="Srivastava and others, 2014.",
        code=code_of(f"{RELU}, layers.Dropout(0.3)"),
        experiments=("dropout",),
        use="Networks with more weights than rows, and noisy targets.",
        avoid="Networks that underfit, and rates so high that training slows down: it needs more epochs.",
    ),
    Technique(
        name="gaussian-noise",
        title="Gaussian noise",
        what="In training, normal noise is added to inputs or hidden values; on inputs it acts like a penalty on slopes.",
        formula="""\
training    y = x + deviation * z, z standard normal
inference   y = x""",
        source="Bishop, 1995.",
        code=code_of(f"layers.GaussianNoise(0.1), {RELU}"),
        experiments=("gaussian-noise",),
        use="Inputs that are measured with errors; few rows of a noisy regression.",
        avoid="Inputs of very different scales: one deviation fits none of them. Standardize first.",
    ),
    Technique(
        name="data-augmentation",
        title="Data augmentation",
        what="In training, each image is turned, zoomed, sheared and moved a little, anew every time it is seen.",
        formula="""\
training    pixel p of the result is read at A p + b in the image, A and b random for each image and step
inference   y = x""",
        source="Simard, Steinkraus and Platt, 2003.",
        code="moves = layers.RandomAffine(rotation=0.025, zoom=0.08, shear=0.12, height_shift=0.05, width_shift=0.08)\n"
        + code_of('layers.Reshape((8, 8, 1)), moves, layers.Flatten(), layers.Dense(64, "relu")'),
        experiments=("augmentation",),
        use="Few images: the test score rose with both networks, most with the convolutional one.",
        avoid=(
            "Motions that change what an image means, such as mirrored digits, or that move it further than test images "
            "are ever moved: with both the test score fell below that without any."
        ),
    ),
    Technique(
        name="max-norm",
        title="The max-norm constraint",
        what="After each update, the weights into a unit are scaled back when their norm is larger than c.",
        formula="w <- w c / ||w|| where ||w|| > c, for each column w of the weight matrix",
        source="Srebro and Shraibman, 2005; Srivastava and others, 2014.",
        code=code_of('layers.Dense(64, activation="relu", max_norm=1.0)'),
        experiments=("max-norm",),
        use="With dropout and high learning rates, where it keeps weights from running away.",
        avoid="A limit that no weight reaches, which does nothing: look at the norms first.",
    ),
    Technique(
        name="early-stopping",
        title="Early stopping",
        what="Training ends when the loss of rows set aside stops falling, and the best weights are kept.",
        formula="stop when the watched loss has not fallen by more than min_delta for `patience` epochs",
        source="Morgan and Bourlard, 1990; Prechelt, 1998.",
        code=code_of(
            RELU,
            before="stop = callbacks.EarlyStopping(patience=6)\n",
            fit=", validation_split=0.2, callbacks=[stop]",
        ),
        experiments=("early-stopping",),
        use="Almost always: it also saves the time of the epochs that would have done harm.",
        avoid=(
            "Very few rows without noise: those set aside to watch are missed in training, and the test score falls."
        ),
    ),
    Technique(
        name="label-smoothing",
        title="Label smoothing",
        what="The target gives a little probability to the wrong classes, so that outputs need not run to infinity.",
        formula="y <- y (1 - s) + s / classes",
        source="Szegedy and others, 2016.",
        code=code_of(RELU, fit=", loss=losses.CategoricalCrossentropy(label_smoothing=0.1)"),
        experiments=("label-smoothing",),
        use="Labels of which some are wrong, when probabilities matter: the gap between the losses narrows.",
        avoid="Expecting more right answers from it: no gain in accuracy was shown on either set.",
    ),
)
