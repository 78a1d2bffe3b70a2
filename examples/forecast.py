"""Forecasting a real series: what a wrist feels 0.4 seconds from now, from the last 1.6 seconds of six sensors.

People walk, run, stand, or play badminton with a sensor on their wrist (10 measurements a second). An LSTM is compared
with repeating the last value and with a linear model of the same lagged windows, on recordings it has not seen.
"""

import os
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import Ridge

from descend import Network, layers, optimizers, schedules

LAGS, AHEAD = 16, 4
folder = Path(os.environ.get("DESCEND_DATASETS") or Path(__file__).resolve().parents[2] / "shared" / "datasets")
if not (folder / "basic_motions.npz").is_file():
    print(f"no {folder / 'basic_motions.npz'}; name the folder of the data sets with DESCEND_DATASETS")
    sys.exit()
with np.load(folder / "basic_motions.npz") as archive:
    recordings, test = archive["X"], archive["split"] == 1  # (80, 100 steps, 6 sensors)


def windows(series: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every (LAGS, 6) stretch of some recordings, and the first sensor AHEAD steps after it."""
    cut = np.lib.stride_tricks.sliding_window_view(series, LAGS + AHEAD, axis=1)  # (recordings, places, 6, steps)
    cut = cut.transpose(0, 1, 3, 2).reshape(-1, LAGS + AHEAD, series.shape[2])
    return cut[:, :LAGS], cut[:, -1, 0]


learning = recordings[~test]
mean, deviation = learning.mean(axis=(0, 1)), learning.std(axis=(0, 1))
scaled = ((recordings - mean) / deviation).astype(np.float32)
held_out = np.arange(len(learning)) % 5 == 0  # recordings, not windows: neighbours look too much alike
X_train, y_train = windows(scaled[~test][~held_out])
X_val, y_val = windows(scaled[~test][held_out])
X_test, y_test = windows(scaled[test])

net = Network([layers.LSTM(32), layers.Dense(1)], input_shape=X_train.shape[1:], seed=0)
history = net.fit(
    X_train,
    y_train,
    loss="mae",
    optimizer=optimizers.AdamW(schedules.Cosine(4e-3), weight_decay=0.02),
    batch_size=64,
    epochs=30,
    validation_data=(X_val, y_val),
    verbose=0,
)
linear = Ridge().fit(X_train.reshape(len(X_train), -1), y_train)
forecasts = {
    "repeating the last value": X_test[:, -1, 0],
    "linear model": linear.predict(X_test.reshape(len(X_test), -1)),
    "LSTM": net.predict(X_test)[:, 0],
}
errors = {name: float(np.abs(forecast - y_test).mean()) for name, forecast in forecasts.items()}
print(f"{len(X_train):,} windows of {LAGS} steps to train, {len(X_test):,} to test; best epoch {history.best_epoch}")
for name, error in errors.items():
    print(f"  mean absolute error {error:.3f} standard deviations: {name}")
assert errors["LSTM"] < errors["linear model"] < errors["repeating the last value"]

places = len(y_test) // int(test.sum())  # windows of one recording
moving = y_test.reshape(-1, places).std(axis=1)
shown = int(np.argsort(moving)[len(moving) * 3 // 4])  # a lively one, but not the liveliest
part = slice(shown * places, (shown + 1) * places)
figure, ax = plt.subplots(figsize=(9, 4), layout="constrained")
seconds = (np.arange(places) + LAGS + AHEAD - 1) / 10
ax.plot(seconds, y_test[part], color="#222222", linewidth=2, label="what came")
for (name, forecast), colour, style in zip(
    forecasts.items(), ("#999999", "#D55E00", "#0072B2"), (":", "--", "-"), strict=True
):
    label = f"{name}, error {errors[name]:.2f} over all"
    ax.plot(seconds, forecast[part], color=colour, linestyle=style, linewidth=1.6, label=label)
ax.set_xlabel("seconds")
ax.set_ylabel("first sensor, standard deviations")
ax.set_title(f"Forecasts {AHEAD / 10:g} s ahead, one recording of the test set")
ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, frameon=False)
ax.spines[["top", "right"]].set_visible(False)
figure.savefig("forecast.png", dpi=120)
print("picture: forecast.png")
