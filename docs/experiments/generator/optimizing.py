"""Pages on optimizers and schedules."""

from __future__ import annotations

from generator.technique import Technique


def _code(make: str, epochs: int = 10, batch: str = "32") -> str:
    return f"""\
net = Network([layers.Dense(32, activation="tanh"), layers.Dense(10)])
history = net.fit(X, y, epochs={epochs}, batch_size={batch}, optimizer={make}, verbose=0)
print(f"loss of the first epoch {{history.loss[0]:.3f}}, of the last {{history.loss[-1]:.3f}}")
print(net.evaluate(X_test, y_test, metrics=["accuracy"]))"""


OPTIMIZERS = (
    Technique(
        name="gradient-descent",
        title="Gradient descent",
        what="A step against the gradient, as long as the learning rate says.",
        formula="w <- w - eta g",
        source="Cauchy, 1847; Robbins and Monro, 1951 (stochastic).",
        code=_code("optimizers.SGD(0.1)"),
        experiments=("learning-rate", "optimizer-paths"),
        use="A baseline, and wherever one learning rate fits all weights: on two of five surfaces nothing was faster.",
        avoid="Ravines, where the steepest direction decides how small eta must be and all others crawl.",
    ),
    Technique(
        name="momentum",
        title="Momentum",
        what="Steps follow a velocity that remembers gradients, so that what they have in common adds up.",
        formula="""\
V <- beta V + (1 - beta) g    (averaging, the default)
V <- beta V + g               (classical, dampening=False)
w <- w - eta V""",
        source="Polyak, 1964.",
        code=_code("optimizers.Momentum(0.5, beta=0.9)"),
        experiments=("race-momentum", "race-classical-momentum", "local-minimum"),
        use=(
            "Ravines and noisy gradients. Classical momentum carries through a local minimum when it arrives with enough "
            "speed."
        ),
        avoid=(
            "Counting on it to leave local minima: from just above one it stays, and the averaging form stayed from "
            "everywhere, because its steps are a tenth as long at the same eta. Compare the forms at eta and eta (1 - beta)."
        ),
    ),
    Technique(
        name="nesterov",
        title="Nesterov's method",
        what="Momentum whose gradient is taken where the velocity is about to lead.",
        formula="""\
v <- gamma v + eta g(w - gamma v)
w <- w - v""",
        source="Nesterov, 1983; Sutskever and others, 2013.",
        code=_code("optimizers.Nesterov(0.1, momentum=0.9)"),
        experiments=("race-nesterov", "optimizer-paths"),
        use="Where momentum is used; it oscillates less.",
        avoid="Comparisons with averaging momentum at the same eta: its steps are 1 / (1 - gamma) times as long.",
    ),
    Technique(
        name="heavy-ball",
        title="Heavy ball",
        what="Momentum with the learning rate inside the velocity, as scikit-learn has it.",
        formula="""\
v <- momentum v + eta g
w <- w - v                    (with nesterov=True: w <- w - (momentum v + eta g))""",
        source="Polyak, 1964; Bengio, Boulanger-Lewandowski and Pascanu, 2013.",
        code=_code("optimizers.HeavyBall(0.1, momentum=0.9)"),
        experiments=("race-heavy-ball",),
        use='Agreement with scikit-learn\'s `solver="sgd"`.',
        avoid="Schedules that change the rate abruptly: the velocity keeps the old rate for some steps.",
    ),
    Technique(
        name="adagrad",
        title="AdaGrad",
        what="Each weight has a rate of its own, which falls with the squares of all its gradients so far.",
        formula="""\
s <- s + g^2
w <- w - eta g / (sqrt(s) + epsilon)""",
        source="Duchi, Hazan and Singer, 2011.",
        code=_code("optimizers.AdaGrad(0.1)"),
        experiments=("race-adagrad", "step-size", "optimizer-paths"),
        use="Sparse features, whose rare gradients keep long steps; convex problems; ravines along the axes.",
        avoid="Long trainings: steps shrink at least like one over the square root of their number, and never recover.",
    ),
    Technique(
        name="rmsprop",
        title="RMSProp",
        what="AdaGrad with a memory that fades: a moving average of squares in place of their sum.",
        formula="""\
mu <- beta mu + (1 - beta) g^2
w <- w - eta g / sqrt(mu + epsilon)""",
        source="Tieleman and Hinton, 2012.",
        code=_code("optimizers.RMSProp(0.003)"),
        experiments=("race-rmsprop", "step-size", "optimizer-paths"),
        use="Gradients whose size differs between weights or changes in training.",
        avoid=(
            "Exact convergence at a constant rate: with noisy batches its steps keep their size, so it circles around the "
            "minimum. Let the rate fall."
        ),
    ),
    Technique(
        name="adam",
        title="Adam",
        what="Momentum and RMSProp together, both corrected for starting from zero.",
        formula="""\
m <- b1 m + (1 - b1) g
v <- b2 v + (1 - b2) g^2
w <- w - eta (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon)""",
        source="Kingma and Ba, 2015.",
        code=_code("optimizers.Adam(0.003)"),
        experiments=("race-adam", "step-size", "optimizer-paths"),
        use="The default: ahead of plain descent at once, and on no set behind it in the end.",
        avoid="Believing that it always wins: with a tuned rate plain descent was level with it on one of three sets.",
    ),
    Technique(
        name="adamw",
        title="AdamW",
        what="Adam with weight decay beside the gradient instead of an L2 penalty inside it.",
        formula="""\
w <- w (1 - eta decay)
then Adam's update""",
        source="Loshchilov and Hutter, 2019.",
        code=_code("optimizers.AdamW(0.003, weight_decay=0.1)"),
        experiments=("race-adamw", "weight-decay"),
        use="Regularizing Adam: every weight decays at the same rate, whatever its gradients.",
        avoid="Decays taken over from L2 penalties: their sizes have nothing to do with each other.",
    ),
    Technique(
        name="nadam",
        title="Nadam",
        what="Adam with Nesterov's look-ahead in its mean.",
        formula="""\
m, v as Adam's
w <- w - eta (b1 m / (1 - b1^(t+1)) + (1 - b1) g / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon)""",
        source="Dozat, 2016.",
        code=_code("optimizers.Nadam(0.003)"),
        experiments=("race-nadam",),
        use="In place of Adam; the difference is small.",
        avoid="Expecting more than Adam gives: compare the two pages' numbers.",
    ),
    Technique(
        name="amsgrad",
        title="AMSGrad",
        what="Adam whose denominator never shrinks, which a proof of convergence needs.",
        formula="""\
v_max <- max(v_max, v)
then Adam's update with v_max in v's place""",
        source="Reddi, Kale and Kumar, 2018.",
        code=_code("optimizers.AMSGrad(0.003)"),
        experiments=("race-amsgrad",),
        use="Where rare, large gradients matter and Adam forgets them.",
        avoid="As a matter of course: early large gradients then slow every later step.",
    ),
    Technique(
        name="lbfgs",
        title="L-BFGS",
        what="A quasi-Newton method: curvature is estimated from past steps, and each step searches along its line.",
        formula="w <- w - alpha H g, with H from the last 10 steps' changes of w and g, and alpha from a line search",
        source="Liu and Nocedal, 1989; run by SciPy on the engine's loss and gradient.",
        code="""\
net = Network([layers.Dense(32, activation="tanh"), layers.Dense(10)])
history = net.fit(X, y, optimizer=optimizers.LBFGS(max_iter=50), verbose=0)
print(f"loss of the first iteration {history.loss[0]:.3f}, of the last {history.loss[-1]:.3f}")
print(net.evaluate(X_test, y_test, metrics=["accuracy"]))""",
        experiments=("race-lbfgs",),
        use="Small sets and smooth losses; there is no learning rate to choose.",
        avoid=(
            "Many rows (every iteration reads all of them) and layers that draw random numbers. In 15 iterations it was "
            "behind 15 epochs of mini-batches on digits."
        ),
    ),
    Technique(
        name="schedules",
        title="Learning-rate schedules",
        what="The learning rate changes with the step or with the loss.",
        formula="""\
step              rate * factor^floor(epoch / every)
exponential       rate * decay^epoch
inverse scaling   rate / (1 + scale * step)^power
cosine            rate * (1 + cos(pi * step / steps)) / 2
one cycle         up along a cosine, then down to almost nothing
warm-up           linearly up, then another schedule
on plateau        rate * factor whenever the loss has stopped falling""",
        source="Loshchilov and Hutter, 2017 (cosine); Smith and Topin, 2018 (one cycle); Goyal and others, 2017 (warm-up).",
        code="""\
net = Network([layers.Dense(32, activation="tanh"), layers.Dense(10)])
optimizer = optimizers.Momentum(schedules.WarmUp(schedules.Cosine(0.5), steps=40))
history = net.fit(X, y, epochs=10, optimizer=optimizer, verbose=0)
print("rates:", *(f"{rate:.3f}" for rate in history.learning_rate))
print(net.evaluate(X_test, y_test, metrics=["accuracy"]))""",
        experiments=("schedules",),
        use=(
            "Data with noise that the network cannot fit: there a constant rate keeps circling, and a rate that falls "
            "to nothing settles. One cycle and warm-up with cosine did so here."
        ),
        avoid=(
            "A short training on data that can be fitted exactly: gradients vanish by themselves, and a rate that falls "
            "only slows the last epochs. Every schedule of steps ended higher than the best constant rate on digits."
        ),
    ),
)
