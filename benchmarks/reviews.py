"""Whether a network is better than linear models at telling good food reviews from bad ones, in pairs.

    python benchmarks/reviews.py                                # five splits
    python benchmarks/reviews.py --splits 10 --threads 2

A split of the 5,000 reviews is stratified, 20 % to test. All models learn from the same rows and are tested on the
same ones, so what counts is the difference, split by split. The first line is the data set's own split. The linear
model is logistic regression on the words of a review, counted, told apart as there or not, or weighted by tf-idf, and
its penalty, whichever are best in a five-fold cross-validation over the rows to train on. The network sees words and
pairs of neighbouring words, and so does a second linear model: the difference to it is not due to the pairs. The
network's settings were chosen by cross-validation over the data set's own rows to train on, never on its rows to test;
the other splits draw from both. The standard error takes into account that the splits share rows (Nadeau and Bengio,
"Inference for the generalization error", 2003).
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


def network(size: int, length: int, seed: int) -> Network:
    """The mean of the vectors of a review's words and pairs."""
    return Network(
        [
            layers.Embedding(size, 64),
            layers.SpatialDropout1D(0.3),
            layers.GlobalAveragePool1D(),
            layers.Dropout(0.3),
            layers.Dense(1),
            layers.Sigmoid(),
        ],
        input_shape=(length,),
        seed=seed,
    )


def network_accuracy(pairs: Pairs, train: np.ndarray, test: np.ndarray, threads: int) -> float:
    """The mean share of rows to test that networks of several seeds have right."""
    X, new, y = pairs.rows(train), pairs.rows(test), pairs.reviews.y
    found = []
    for seed in range(SEEDS):
        net = network(pairs.size, X.shape[1], seed)
        net.fit(
            X,
            y[train],
            loss=losses.BinaryCrossentropy(label_smoothing=0.1),
            optimizer=optimizers.AdamW(schedules.Cosine(2e-3), weight_decay=0.3),
            epochs=12,
            batch_size=16,
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


def counts(rows: Sequences, size: int) -> Any:
    """How often each of `size` numbers stands in a row, (rows, size) sparse."""
    from scipy.sparse import coo_array

    places = np.repeat(np.arange(len(rows)), rows.values.shape[1]), rows.values.ravel()
    found: Any = coo_array((np.ones(rows.values.size), places), (len(rows), size)).tocsr()
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
    print("split | network | linear, words | linear, words and pairs | gain | gain with pairs | settings of words")
    for number, (train, test) in enumerate(splits(reviews, options.splits)):
        pairs = Pairs.of(reviews, train)
        y, y_new = reviews.y[train], reviews.y[test]
        net = network_accuracy(pairs, train, test, options.threads)
        whole = counts(pairs.rows(train), pairs.size), counts(pairs.rows(test), pairs.size)
        words, settings = linear_accuracy(*(part[:, : reviews.vocabulary - 1] for part in whole), y, y_new)
        both, _ = linear_accuracy(*whole, y, y_new)
        gain, name = (net - words, net - both), str(number) if number else "own"
        print(
            f"{name} | {net:.4f} | {words:.4f} | {both:.4f} | {gain[0]:+.4f} | {gain[1]:+.4f} | {settings}", flush=True
        )
        if number:
            gains.append(gain)
    for what, found in zip(("words", "words and pairs"), np.array(gains).T, strict=True):
        error = found.std(ddof=1) * np.sqrt(1 / len(found) + TEST_SIZE / (1 - TEST_SIZE))
        print(f"gain over {what} in {len(found)} splits: {found.mean():+.4f}, standard error {error:.4f}")


if __name__ == "__main__":
    main()
