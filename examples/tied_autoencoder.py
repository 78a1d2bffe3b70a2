"""An autoencoder whose decoder uses the encoder's weights transposed: half the weights, about the same error."""

from sklearn.datasets import load_digits

from descend import Network, layers, optimizers

X, _ = load_digits(return_X_y=True)
train, test = X[:1400] / 16, X[1400:] / 16


def autoencoder(tied):
    outer, inner = layers.Dense(32, "tanh"), layers.Dense(12, "tanh")
    return Network(
        [
            outer,
            inner,
            layers.Dense(32, "tanh", tied_to=inner if tied else None),
            layers.Dense(64, tied_to=outer if tied else None),
        ],
        input_shape=(64,),
    )


errors = {}
for tied in (False, True):
    net = autoencoder(tied)
    net.fit(train, train, optimizer=optimizers.Adam(2e-3), epochs=60, verbose=0)
    errors[tied] = net.evaluate(test, test)["loss"]
    weights = sum(w.size for w in net.get_weights().values())
    print(f"{'tied' if tied else 'untied'}: {weights} weights, mean squared error {errors[tied]:.4f}")
print(net.summary())
assert errors[True] < 1.2 * errors[False]
