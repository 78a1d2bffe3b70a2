"""Whether a network is better than linear models at telling good food reviews from bad ones, in pairs.

    python benchmarks/reviews.py                                # five splits
    python benchmarks/reviews.py --splits 10 --threads 2

A split of the 5,000 reviews is stratified, 20 % to test. All models learn from the same rows and are tested on the
same ones, so what counts is the difference, split by split. The first line is the data set's own split. The linear
model is logistic regression on the words of a review, counted, told apart as there or not, or weighted by tf-idf, and
its penalty, whichever are best in a five-fold cross-validation over the rows to train on. The network sees words and
pairs of neighbouring words, and so does a second linear model: the difference to it is not due to the pairs. A second
network sees the words alone. The settings of the first were chosen by cross-validation over the data set's own rows to
train on, never on its rows to test; those of the second are the best of a few that were tried on these; the other
splits draw from both. The standard error takes into account that the splits share rows (Nadeau and Bengio, "Inference
for the generalization error", 2003).
"""

from __future__ import annotations

import argparse
import warnings
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from accuracy import load
from descend import Network, Sequences, layers, losses, optimizers, schedules

#: Pairs of words that fewer reviews have are left out.
FEWEST = 2
#: Networks of a split, whose accuracies are averaged.
SEEDS = 5
TEST_SIZE = 0.2
#: What is compared over the splits.
GAINS = (
    "the network with pairs over linear models of words",
    "the network with pairs over linear models with pairs",
    "the network of words over linear models of words",
)


@dataclass(frozen=True)
class Reviews:
    """Word numbers (reviews, words), 0 behind a review's end, their lengths, and what is to be told."""

    words: np.ndarray
    lengths: np.ndarray
    y: np.ndarray
    vocabulary: int
    tests: np.ndarray  # whether a review is one of the data set's rows to test

    @staticmethod
    def read() -> Reviews:
        data = load("food_reviews")
        return Reviews(data["X"], data["lengths"], data["y"], len(data["vocab"]), data["split"] == 1)

    def review(self, i: int) -> list[int]:
        """The words of one review."""
        return self.words[i, : self.lengths[i]].tolist()


@dataclass(frozen=True)
class Pairs:
    """Words, then pairs of neighbouring words, as numbers from 1 on; which pairs, known from rows to train on."""

    reviews: Reviews
    numbers: dict[tuple[int, int], int]

    @staticmethod
    def of(reviews: Reviews, train: np.ndarray) -> Pairs:
        found = Counter(pair for i in train for pair in set(_neighbours(reviews.review(i))))
        kept = [pair for pair, times in found.items() if times >= FEWEST]
        return Pairs(reviews, {pair: reviews.vocabulary + k for k, pair in enumerate(kept)})

    @property
    def size(self) -> int:
        return self.reviews.vocabulary + len(self.numbers)

    def rows(self, chosen: np.ndarray) -> Sequences:
        """Reviews as the network takes them."""
        listed = []
        for i in chosen:
            words = self.reviews.review(i)
            listed.append(words + [self.numbers[pair] for pair in _neighbours(words) if pair in self.numbers])
        padded = np.zeros((len(listed), 2 * self.reviews.words.shape[1]), np.int32)
        for row, numbers in zip(padded, listed, strict=True):
            row[: len(numbers)] = numbers
        return Sequences(padded, np.array([len(numbers) for numbers in listed]))


def _neighbours(words: list[int]) -> list[tuple[int, int]]:
    return list(pairwise(words))


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: what is left out of its vectors and of their mean, passes, rows per update, AdamW's."""

    left_out: tuple[float, float]
    epochs: int
    batch_size: int
    rate: float
    decay: float


WORDS = Recipe((0.6, 0.5), 16, 32, 3e-3, 0.1)
WORDS_AND_PAIRS = Recipe((0.3, 0.3), 12, 16, 2e-3, 0.3)


def network(size: int, length: int, left_out: tuple[float, float], seed: int) -> Network:
    """The mean of the vectors of what a review has."""
    return Network(
        [
            layers.Embedding(size, 64),
            layers.SpatialDropout1D(left_out[0]),
            layers.GlobalAveragePool1D(),
            layers.Dropout(left_out[1]),
            layers.Dense(1),
            layers.Sigmoid(),
        ],
        input_shape=(length,),
        seed=seed,
    )


def network_accuracy(pairs: Pairs, train: np.ndarray, test: np.ndarray, recipe: Recipe, threads: int) -> float:
    """The mean share of rows to test that networks of several seeds have right."""
    X, new, y = pairs.rows(train), pairs.rows(test), pairs.reviews.y
    found = []
    for seed in range(SEEDS):
        net = network(pairs.size, X.shape[1], recipe.left_out, seed)
        net.fit(
            X,
            y[train],
            loss=losses.BinaryCrossentropy(label_smoothing=0.1),
            optimizer=optimizers.AdamW(schedules.Cosine(recipe.rate), weight_decay=recipe.decay),
            epochs=recipe.epochs,
            batch_size=recipe.batch_size,
            verbose=0,
            threads=threads,
        )
        found.append(np.mean((net.predict(new).ravel() > 0.5) == y[test]))
    return float(np.mean(found))


def linear_accuracy(X: Any, new: Any, y: np.ndarray, y_new: np.ndarray) -> tuple[float, str]:
    """The share of rows to test that a linear model has right, and the settings that cross-validation chose."""
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import Binarizer, FunctionTransformer

    there, tfidf = Binarizer(), TfidfTransformer(sublinear_tf=True)
    model = Pipeline([("there", None), ("weights", None), ("linear", LogisticRegression(max_iter=500))])
    plain = {"there": [None, there], "weights": [FunctionTransformer()], "linear__C": [0.03, 0.1, 0.3]}
    weighted = {"there": [None, there], "weights": [tfidf], "linear__C": [1.0, 2.0, 4.0, 8.0, 16.0]}
    search = GridSearchCV(model, [plain, weighted], cv=5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.fit(X, y)
    best = search.best_params_
    words = f"{'there or not' if best['there'] else 'counts'}{', tf-idf' if best['weights'] is tfidf else ''}"
    return float(search.score(new, y_new)), f"{words}, C {best['linear__C']:g}"


def counts(pairs: Pairs, chosen: np.ndarray) -> Any:
    """How often each number stands in a review, (reviews, numbers) sparse."""
    from scipy.sparse import coo_array

    values = pairs.rows(chosen).values
    places = np.repeat(np.arange(len(values)), values.shape[1]), values.ravel()
    found: Any = coo_array((np.ones(values.size), places), (len(values), pairs.size)).tocsr()
    return found[:, 1:]  # without the padding


def splits(reviews: Reviews, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The data set's own split, then stratified ones: rows to train on, rows to test."""
    from sklearn.model_selection import StratifiedShuffleSplit

    drawn = StratifiedShuffleSplit(count, test_size=TEST_SIZE, random_state=0).split(reviews.words, reviews.y)
    return [(np.flatnonzero(~reviews.tests), np.flatnonzero(reviews.tests)), *drawn]


def main() -> None:
    """Print a line per split and the mean difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    if options.splits < 2:
        parser.error(f"--splits must be at least 2, or the gain has no standard error, got {options.splits}")
    reviews = Reviews.read()
    gains = []
    print("split | network, pairs | network, words | linear, pairs | linear, words | settings of linear, words")
    for number, (train, test) in enumerate(splits(reviews, options.splits)):
        pairs, words = Pairs.of(reviews, train), Pairs(reviews, {})
        y, y_new = reviews.y[train], reviews.y[test]
        net = network_accuracy(pairs, train, test, WORDS_AND_PAIRS, options.threads)
        net_words = network_accuracy(words, train, test, WORDS, options.threads)
        linear, _ = linear_accuracy(counts(pairs, train), counts(pairs, test), y, y_new)
        linear_words, settings = linear_accuracy(counts(words, train), counts(words, test), y, y_new)
        name = str(number) if number else "own"
        print(f"{name} | {net:.4f} | {net_words:.4f} | {linear:.4f} | {linear_words:.4f} | {settings}", flush=True)
        if number:
            gains.append((net - linear_words, net - linear, net_words - linear_words))
    for what, found in zip(GAINS, np.array(gains).T, strict=True):
        error = found.std(ddof=1) * np.sqrt(1 / len(found) + TEST_SIZE / (1 - TEST_SIZE))
        print(f"gain of {what} in {len(found)} splits: {found.mean():+.4f}, standard error {error:.4f}")


if __name__ == "__main__":
    main()
