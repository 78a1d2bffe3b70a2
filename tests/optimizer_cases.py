"""The table of optimizers that engines, numbers of threads and instruction sets are compared over."""

from __future__ import annotations

from descend import optimizers

#: Every optimizer that an engine runs, with what may be asked of it: decay, clipping, noise, averages.
OPTIMIZERS = [
    optimizers.SGD(0.05),
    optimizers.SGD(0.05, weight_decay=0.1),
    optimizers.Momentum(0.05),
    optimizers.Momentum(0.02, dampening=False),
    optimizers.Nesterov(0.02),
    optimizers.HeavyBall(0.02),
    optimizers.HeavyBall(0.02, nesterov=True),
    optimizers.HeavyBall(0.002, momentum=1.0, clip_norm=0.05),
    optimizers.AdaGrad(0.05),
    optimizers.RMSProp(0.01),
    optimizers.Adam(0.01),
    optimizers.AdamW(0.01, weight_decay=0.2),
    optimizers.AMSGrad(0.01),
    optimizers.Nadam(0.01),
    optimizers.Adam(0.01, epsilon=0.1, epsilon_hat=True),
    optimizers.AMSGrad(0.01, epsilon=0.1, epsilon_hat=True),
    optimizers.Nadam(0.01, epsilon=0.1, epsilon_hat=True),
    optimizers.Adam(0.01, clip_norm=0.05),
    optimizers.SGD(0.05, clip_value=0.01),
    optimizers.Adam(0.01, gradient_noise=0.3),
    optimizers.AMSGrad(0.01, average_decay=0.7, clip_norm=0.1),
    optimizers.SGD(0.05, average_decay=0.9),
    optimizers.Nesterov(0.02, clip_norm=0.1, gradient_noise=1e-3, gradient_noise_decay=0.0),
    optimizers.Nesterov(0.02, clip_value=0.05, clip_norm=0.1),
]
