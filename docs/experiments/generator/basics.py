"""Pages on activations, initial weights and batches."""

from __future__ import annotations

from generator.technique import Technique

BASICS = (
    Technique(
        name="activations",
        title="Activations",
        what=(
            "An activation bends what a layer computes. Without one, a stack of layers is a single linear layer; with "
            "one whose derivative is small, the gradient is lost on its way back."
        ),
        formula="""\
sigmoid      1 / (1 + e^-x)                 derivative s (1 - s), at most 1/4
tanh         (e^x - e^-x) / (e^x + e^-x)    derivative 1 - tanh(x)^2, at most 1
ReLU         max(0, x)                      derivative 1 for x > 0, else 0
leaky ReLU   x for x > 0, else 0.01 x       derivative 1 for x > 0, else 0.01
ELU, SELU, GELU, SiLU, Mish, softplus, ...  see the docstrings of descend.layers""",
        source=(
            "Glorot, Bordes and Bengio, 2011 (ReLU); Maas, Hannun and Ng, 2013 (leaky ReLU); Hochreiter, 1991 "
            "(vanishing gradients)."
        ),
        code="""\
for activation in ("linear", "sigmoid", "tanh", "relu", "leaky_relu", "gelu"):
    net = Network([layers.Dense(32, activation=activation), layers.Dense(32, activation=activation), layers.Dense(10)])
    net.fit(X, y, epochs=10, optimizer=optimizers.SGD(0.1), verbose=0)
    print(f"{activation:10} {net.evaluate(X_test, y_test, metrics=['accuracy'])['accuracy']:.3f}")""",
        experiments=("linear-stack", "vanishing-gradients", "gradient-flow", "dying-relu"),
        use=(
            "ReLU in hidden layers, with He's initial weights; it is cheap and passes the gradient on. tanh with "
            "Glorot's weights does so too at the depths tried here. Sigmoid for an output that is a probability."
        ),
        avoid=(
            "Sigmoid in hidden layers of deep networks. ReLU at learning rates near divergence: most units of the first "
            "layer die. A leaky ReLU does not prevent that by itself: dead units came back with Adam, which does not "
            "care how small a gradient is, and hardly with plain descent."
        ),
    ),
    Technique(
        name="initializers",
        title="Initial weights",
        what=(
            "Weights are drawn at random with a variance that depends on how many inputs (fan-in) and outputs (fan-out) "
            "a layer has, so that activations neither collapse nor explode with depth."
        ),
        formula="""\
Glorot (Xavier)   variance 2 / (fan-in + fan-out)    for tanh and linear layers
He                variance 2 / fan-in                for ReLU, which halves the second moment
LeCun             variance 1 / fan-in                for SELU
orthogonal        orthonormal rows or columns""",
        source=(
            "Glorot and Bengio, 2010; He and others, 2015; LeCun and others, 1998; Saxe, McClelland and Ganguli, 2014."
        ),
        code="""\
for weights in ("he_normal", "glorot_uniform", initializers.Normal(deviation=0.01), initializers.Normal(deviation=1.0)):
    net = Network([layers.Dense(32, activation="relu", weight_initializer=weights) for _ in range(8)], 64)
    spread = net.trace(X[:200])["relu_8"].std()
    print(f"{weights if isinstance(weights, str) else weights.deviation!s:15} spread after 8 layers {spread:.2g}")""",
        experiments=("initial-spread",),
        use="The initializer made for the activation. `Dense` chooses He's before ReLU and its relatives, Glorot's otherwise.",
        avoid=(
            "A fixed deviation, unless normalization follows each layer (see [batch normalization](batch-normalization.md)). "
            "Glorot's weights before many ReLU layers: the spread shrinks by about a third per layer."
        ),
    ),
    Technique(
        name="batch-sizes",
        title="Batch, stochastic and mini-batch descent",
        what=(
            "The gradient of an update is taken over all rows, one row or some rows. Fewer rows make more updates per "
            "pass, each with more noise."
        ),
        formula="w <- w - eta * mean of the gradients over the batch's rows",
        source="Robbins and Monro, 1951; Bottou, 1998.",
        code="""\
for batch_size in (None, 32, 1):
    net = Network([layers.Dense(32, activation="tanh"), layers.Dense(10)])
    history = net.fit(X, y, epochs=5, batch_size=batch_size, optimizer=optimizers.SGD(0.1), verbose=0)
    print(f"batch_size={batch_size}: loss by epoch", *(f"{loss:.3f}" for loss in history.loss))""",
        experiments=("batch-size",),
        use=(
            "Mini-batches: after the same number of passes over the rows they were far ahead of full batches, and they "
            "keep vector units busy, which single rows do not."
        ),
        avoid=(
            "Full batches, except with [L-BFGS](lbfgs.md), which needs them. They are smooth only while the learning "
            "rate is small enough. Batches of one or two rows with batch normalization."
        ),
    ),
)
