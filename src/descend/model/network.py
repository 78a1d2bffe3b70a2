"""`Network`: layers, their weights and their training, behind one interface.

It checks and hands on; the arithmetic is the engine's, the epochs are those of `descend.training`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from descend import initializers, losses, penalties
from descend import layers as layer_specs
from descend.engine.rows import check_rows
from descend.engine.sequences import Sequences
from descend.engine.sparse import Features
from descend.model import files, sensitivity, states, summary
from descend.model.inspection import Inspection
from descend.model.seeds import check_seed
from descend.model.trainable import Trainable
from descend.plan import check_input_shape, flatten, named
from descend.training import arrays
from descend.training.core import Core
from descend.training.history import History


class Network(Trainable, Inspection):
    """A neural network: a list of layers with weights, to be trained, used, looked into and saved.

    Parameters
    ----------
    layers : list of Layer
        From input to output. When the last one is a `Dense` without activation, the first `fit` appends the
        activation that the target calls for: none for numbers, `Sigmoid` for two classes and one unit, `Softmax` for
        one class of several.
    input_shape : tuple of int or int, default: None
        Shape of one row, such as ``(32,)``; None takes it from the first data seen.
    seed : int or None, default: 0
        Decides initial weights, shuffling, dropout and validation splits. None draws one at random (see `seed`).
    dtype : {"float32", "float64"}, default: "float32"
        Of weights, activations and predictions.
    penalty : Penalty or str, default: None
        Added to the loss for every weight matrix whose layer has no penalty of its own.
    initializer : Initializer or str, default: None
        First values of every weight matrix whose layer says nothing of them, such as ``"he_normal"``, or ``"lsuv"`` for
        weights that suit the data (`initializers.DataDependent`). None takes what fits the next activation.

    Attributes
    ----------
    layers : tuple of Layer
        The layers, with the appended activation once it is known.
    input_shape : tuple of int or None
    seed : int
    dtype : numpy.dtype
    history : History
        All epochs of all calls of `fit`.
    extra : dict
        Whatever JSON can hold; saved and loaded with the network.

    Raises
    ------
    TypeError, ValueError
        When the layers do not fit together, or an argument is not what it should be.

    Examples
    --------
    >>> import numpy as np
    >>> from descend import Network, layers, optimizers
    >>> X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float32)
    >>> y = np.array([0, 1, 1, 0])
    >>> net = Network([layers.Dense(8, activation="relu"), layers.Dense(1)], seed=1)
    >>> history = net.fit(X, y, epochs=500, batch_size=None, optimizer=optimizers.Adam(0.05), verbose=0)
    >>> (net.predict(X)[:, 0] > 0.5).astype(int).tolist()
    [0, 1, 1, 0]
    """

    def __init__(
        self,
        layers: Sequence[layer_specs.Layer],
        input_shape: int | Sequence[int] | None = None,
        *,
        seed: int | None = 0,
        dtype: str | type | np.dtype = "float32",
        penalty: penalties.Penalty | str | None = None,
        initializer: initializers.Initializer | str | None = None,
    ) -> None:
        self._core = Core(
            layers=layers,
            input_shape=None if input_shape is None else check_input_shape(input_shape),
            seed=check_seed(seed),
            dtype=_check_dtype(dtype),
            penalty=penalties.resolve(penalty),
            initializer=None if initializer is None else initializers.resolve(initializer),
        )
        self.extra: dict[str, Any] = {}
        self._refresh()

    def _refresh(self) -> None:
        """Copy to where `predict` finds them without looking: the engine's predict, the row width and the dtype."""
        core = self._core
        self._fast_predict = None if core.engine is None or not core.adapted else core.engine.predict
        self._columns = -1 if core.input_shape is None else math.prod(core.input_shape)
        self._dtype = core.dtype

    @property
    def layers(self) -> tuple[layer_specs.Layer, ...]:
        """The layers, with the output activation once it is known."""
        return self._core.layers

    @property
    def input_shape(self) -> tuple[int, ...] | None:
        """Shape of one row; None until it is known."""
        return self._core.input_shape

    @property
    def output_shape(self) -> tuple[int, ...] | None:
        """Shape of one prediction; None until the input shape is known."""
        return None if self._core.plan is None else self._core.plan.values[self._core.plan.output].shape

    @property
    def seed(self) -> int:
        """The seed of every random choice."""
        return self._core.seed

    @property
    def dtype(self) -> np.dtype:
        """The dtype of weights and predictions."""
        return self._core.dtype

    @property
    def loss(self) -> losses.Loss | None:
        """The loss trained with; None before the first fit."""
        return None if self._core.state is None else self._core.state.loss

    @property
    def history(self) -> History:
        """All epochs of all calls of `fit`."""
        return self._core.history

    def __repr__(self) -> str:
        """Return the layers and the number of weights in a line; `summary` has everything."""
        return summary.brief(self._core)

    def __getstate__(self) -> dict[str, Any]:
        return {"core": self._core, "extra": self.extra}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._core, self.extra = state["core"], state["extra"]
        self._refresh()

    def predict(self, X: Features) -> NDArray:
        """Compute the outputs for rows, in inference mode.

        Parameters
        ----------
        X : array-like of shape (rows, *input_shape) or SciPy sparse matrix of shape (rows, features)
            A C-ordered array of the network's dtype is taken as it is.

        Returns
        -------
        ndarray of shape (rows, *output_shape)
            Probabilities after a Sigmoid or Softmax, otherwise the numbers themselves.

        Raises
        ------
        TypeError, ValueError
            When X is not such an array, or the network does not know its input shape yet.
        """
        # First the case that must cost next to nothing. The dot product is finite only if every number is.
        if (
            type(X) is np.ndarray
            and X.ndim == 2
            and X.dtype == self._dtype
            and X.shape[1] == self._columns
            and X.flags.c_contiguous
            and self._fast_predict is not None
            and math.isfinite(np.vdot(X, X))
        ):
            return self._fast_predict(X)
        core = self._core
        core.require_adapted()
        plan = core.require_plan()
        rows = arrays.features(X, core.input_shape, core.dtype, missing=core.missing)
        check_rows(plan, rows)
        engine = core.require_engine()
        self._refresh()
        return engine.predict(rows)

    def advance(
        self, X: ArrayLike | Sequences, state: Mapping[str, ArrayLike] | None = None
    ) -> tuple[NDArray, dict[str, NDArray]]:
        """Predict sequences piece by piece: each call goes on where the one before ended.

        ``a, state = net.advance(X[:, :10])`` and ``b, state = net.advance(X[:, 10:], state)`` compute what one call
        does with all steps.

        Parameters
        ----------
        X : array-like of shape (rows, steps, features), or Sequences
            The next steps, as many as the network's input shape says or fewer.
        state : dict of str to array-like, default: None
            What the call before returned; None begins new sequences.

        Returns
        -------
        outputs : ndarray of shape (rows, *output_shape)
            As from `predict`; of outputs for every step, as many as X has.
        state : dict of str to ndarray
            ``"lstm_1/h"`` and ``"lstm_1/c"`` (rows, units), ... of every recurrent layer.

        Raises
        ------
        TypeError, ValueError
            When X or state are not such, or the network has no recurrent layer, or one that reads from the end.
        """
        core = self._core
        plan = core.require_plan()
        states.sizes(plan)
        rows = arrays.steps(X, core.input_shape, core.dtype)
        check_rows(plan, rows)
        engine = core.require_engine()
        self._refresh()
        before = None if state is None else states.joined(plan, state, len(rows), core.dtype)
        outputs, after = engine.predict_from(rows, before)
        if plan.values[plan.output].positions > 1:
            outputs = outputs[:, : rows.lengths.max(initial=0)]
        return outputs, states.named(plan, after)

    def input_gradient(self, X: ArrayLike | Sequences, output: ArrayLike | int | None = None) -> NDArray[np.float64]:
        """Compute how an output changes with every number of the input, in inference mode and float64.

        d z[k] / d x of each row, z being the outputs before a final softmax or sigmoid, whose own gradient vanishes
        where the network is sure. Its size over an image is a saliency map. Simonyan, Vedaldi and Zisserman, "Deep
        inside convolutional networks", 2014. It is as slow as `trace`, for some hundred rows at most.

        Parameters
        ----------
        X : array-like of shape (rows, *input_shape), or Sequences
        output : int or array-like of int of shape (rows,), default: None
            k, one for all or for each row; None takes each row's largest.

        Returns
        -------
        ndarray of shape (rows, *input_shape)

        Raises
        ------
        TypeError, ValueError
            When X or output are not such, when the network reads categories, or has outputs for every position.
        """
        return sensitivity.input_gradient(self, X, output)

    def get_weights(self) -> dict[str, NDArray]:
        """Return copies of all weights by name, running statistics included.

        Returns
        -------
        dict of str to ndarray
            ``"dense_1/weight"`` (in, out), ``"dense_1/bias"`` (out,), ... in the order of the layers.

        Raises
        ------
        ValueError
            When the network does not know its input shape yet.
        """
        engine = self._core.require_engine()
        self._refresh()
        return named(engine.plan, engine.get_parameters())

    def set_weights(self, weights: Mapping[str, ArrayLike]) -> None:
        """Replace all weights, statistics included; the optimizer's state stays.

        Parameters
        ----------
        weights : dict of str to array-like
            Exactly the names of `get_weights`, each with its shape.

        Raises
        ------
        TypeError, ValueError
            When a name is missing or unknown, a shape differs, or something is no finite number.
        """
        if not isinstance(weights, Mapping):
            raise TypeError(f"weights must be a dict from name to array, got {type(weights).__name__}")
        self._core.set_parameters(flatten(self._core.require_plan(), weights))
        self._core.adapted = self._core.scaled = True
        self._refresh()

    def save(self, path: str | os.PathLike[str], *, optimizer: bool = True) -> None:
        """Save the network to a file: layers, weights, how it was trained, and `extra`.

        The file is a safetensors file; it is written under another name first, so that `path` never holds half a file.

        Parameters
        ----------
        path : str or path
            Customarily with the ending ``.descend``.
        optimizer : bool, default: True
            Whether to save the optimizer's state too, so that training goes on exactly after loading.

        Raises
        ------
        OSError
            When the file cannot be written.
        TypeError, ValueError
            When `extra` holds something JSON cannot, or a layer is of an unregistered class.
        """
        files.save(self._core, self.extra, path, with_optimizer=optimizer)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Network:
        """Load a network that `save` wrote.

        Nothing in the file is executed; every number and name in it is checked.

        Parameters
        ----------
        path : str or path

        Returns
        -------
        Network

        Raises
        ------
        FileNotFoundError
            When there is no such file.
        ModelFileError
            When it is no such file, damaged, truncated, or written by a newer version.
        """
        core, extra = files.load(path)
        network = cls.__new__(cls)
        network._core, network.extra = core, extra
        network._refresh()
        return network


def _check_dtype(dtype: Any) -> np.dtype:
    for known in (np.dtype(np.float32), np.dtype(np.float64)):
        if dtype in (known, known.name, known.type):
            return known
    raise ValueError(f"dtype must be 'float32' or 'float64', got {dtype!r}")
