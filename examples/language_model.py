"""A language model of characters: an LSTM reads Python's own documentation and then writes more of it.

Each character is a column of zeros with a one; the network says, after every step, how likely each next character is.
Training sees pieces of 64 characters; writing goes on for as long as you like, one `advance` for each character.
"""

from pydoc_data.topics import topics

import numpy as np

from descend import Network, callbacks, layers, optimizers, schedules

STEPS, LENGTH = 64, 100_000

text = " ".join("\n".join(topics.values()).split())[:LENGTH]
characters = sorted(set(text))
number = {character: k for k, character in enumerate(characters)}
codes = np.array([number[character] for character in text])
pieces = (len(codes) - 1) // STEPS
X = np.eye(len(characters), dtype=np.float32)[codes[: pieces * STEPS]].reshape(pieces, STEPS, -1)
y = codes[1 : pieces * STEPS + 1].reshape(pieces, STEPS)  # the character that follows
train, test = slice(0, int(0.9 * pieces)), slice(int(0.9 * pieces), None)

net = Network(
    [layers.LSTM(128, return_sequences=True), layers.Dense(len(characters)), layers.Softmax()],
    input_shape=(STEPS, len(characters)),
    seed=0,
)
history = net.fit(
    X[train],
    y[train],
    optimizer=optimizers.Adam(schedules.Cosine(0.01), clip_norm=1.0),
    batch_size=16,
    epochs=10,
    validation_data=(X[test], y[test]),
    callbacks=[callbacks.EarlyStopping(patience=3)],
    verbose=0,
)

# Nats per character: guessing by how often each occurs, by the character before (both counted in the training text).
counts = np.bincount(y[train].ravel(), minlength=len(characters)) + 1.0
pairs = np.ones((len(characters), len(characters)))
np.add.at(pairs, (X[train].argmax(axis=2).ravel(), y[train].ravel()), 1)
by_count = -np.log(counts / counts.sum())[y[test]].mean()
by_pair = -np.log(pairs / pairs.sum(axis=1, keepdims=True))[X[test].argmax(axis=2), y[test]].mean()
ours = net.evaluate(X[test], y[test])["loss"]
print(f"{len(text):,} characters, {len(characters)} different ones; {len(history)} epochs")
print(f"nats per character of text it has not seen: counts {by_count:.2f}, pairs {by_pair:.2f}, network {ours:.2f}")
assert ours < by_pair < by_count


def write(beginning: str, length: int, temperature: float = 0.5, seed: int = 0) -> str:
    """Go on from a beginning; at lower temperatures more carefully."""
    rng = np.random.default_rng(seed)
    rows = np.eye(len(characters), dtype=np.float32)[[number[character] for character in beginning]]
    written, state = beginning, None
    for start in range(0, len(rows) - 1, STEPS):
        _, state = net.advance(rows[None, start : min(start + STEPS, len(rows) - 1)], state)
    step = rows[-1]
    for _ in range(length):
        outputs, state = net.advance(step[None, None], state)
        likely = np.log(outputs[0, -1].astype(np.float64) + 1e-12) / temperature
        share = np.exp(likely - likely.max())
        k = rng.choice(len(characters), p=share / share.sum())
        written += characters[k]
        step = np.eye(len(characters), dtype=np.float32)[k]
    return written


print(write("The statement ", 240))
