"""Looking into a network: gradients, every intermediate, its layers and its plan. Nothing here changes weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from descend import losses
from descend.engine.protocol import Batch
from descend.engine.rows import check_rows
from descend.engine.sequences import Sequences
from descend.engine.sparse import Features
from descend.model import summary
from descend.model.seeds import check_seed
from descend.plan import augmenting_part, format_plan, initial_parameters, named
from descend.training import arrays
from descend.training.core import Core
from descend.training.engines import make_reference
from descend.training.fitting import prepare


class Text(str):
    """Text that shows as it is, not quoted, where Python shows values."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class Inspection:
    """The part of `Network` that looks and does not touch."""

    _core: Core

    def gradients(
        self,
        X: Features,
        y: ArrayLike,
        *,
        loss: losses.Loss | str | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> dict[str, NDArray]:
        """Compute the gradient of the batch loss with penalties, in training mode; nothing is changed.

        Parameters
        ----------
        X : array-like of shape (rows, *input_shape) or SciPy sparse matrix of shape (rows, features)
            All rows form one batch.
        y : array-like of shape (rows,) or (rows, outputs)
        loss : Loss or str, default: None
            None takes the loss trained with, or the one that fits the target.
        sample_weight : array-like of shape (rows,), default: None

        Returns
        -------
        dict of str to ndarray
            By the names of `get_weights`, for the trained ones (running statistics and frozen layers have no gradient).

        Raises
        ------
        TypeError, ValueError
            As for `fit`.
        """
        chosen = None if loss is None else losses.resolve(loss)
        prepared = prepare(self._core, X, y, chosen, sample_weight=sample_weight)
        engine = self._core.engine_for(prepared.candidate)
        _, flat = engine.gradients(prepared.encoded.batch, seed=self._core.seed)
        trained = {p.name for p in engine.plan.parameters if p.trainable}
        return {name: array for name, array in named(engine.plan, flat).items() if name in trained}

    def trace(
        self,
        X: Features,
        y: ArrayLike | None = None,
        *,
        loss: losses.Loss | str | None = None,
        sample_weight: ArrayLike | None = None,
        training: bool | None = None,
    ) -> dict[str, NDArray]:
        """Compute every intermediate of the forward pass, and of the backward pass when y is given, in float64.

        Parameters
        ----------
        X : array-like of shape (rows, *input_shape) or SciPy sparse matrix of shape (rows, features)
            Sparse rows stay sparse, as ``"input"`` too; everything else is an array.
        y : array-like of shape (rows,) or (rows, outputs), default: None
        loss : Loss or str, default: None
            None takes the loss trained with, or the one that fits the target.
        sample_weight : array-like of shape (rows,), default: None
        training : bool, default: None
            Whether batch statistics and dropout are those of training; None means when y is given.

        Returns
        -------
        dict of str to ndarray
            In the order of computation: ``"input"``, each layer's value by the layer's name with what it keeps
            (``"batch_norm_1/mean"``), ``"loss"``, then ``"gradient/..."`` of values and weights, last layer first.

        Raises
        ------
        TypeError, ValueError
            As for `fit`.
        """
        core = self._core
        double = np.dtype(np.float64)
        if y is None:
            core.require_adapted()
            plan = replace(core.require_plan(), loss=None)
            batch = Batch(arrays.features(X, core.input_shape, double, missing=core.missing), np.empty(0))
            flat = core.require_engine().get_parameters()
        else:
            chosen = None if loss is None else losses.resolve(loss)
            prepared = prepare(core, X, y, chosen, sample_weight=sample_weight, dtype=double)
            plan, batch = prepared.candidate.plan, prepared.encoded.batch
            flat = core.engine_for(prepared.candidate).get_parameters()
        reference = make_reference(plan)
        reference.set_parameters(flat.astype(np.float64))
        return reference.trace(batch, training=y is not None if training is None else training, seed=self._core.seed)

    def augment(self, X: Features, *, seed: int | None = 0) -> NDArray[np.float64]:
        """Show rows as the network's first layers change them at random in training.

        These are the layers from the first on that augment (`RandomAffine`, `Mixup`, `GaussianNoise`, ...), between
        which `Reshape` and preprocessing may stand. The network itself is not changed.

        Parameters
        ----------
        X : array-like of shape (rows, *input_shape)
            Before `fit` its shape counts where the network was given none.
        seed : int or None, default: 0
            Of the draw; None for what these layers do in inference.

        Returns
        -------
        ndarray of float64 of shape (rows, *shape behind these layers)

        Raises
        ------
        TypeError, ValueError
            When the seed is no integer from 0 on, or the network does not begin so or cannot read X.
        """
        training, seed = seed is not None, 0 if seed is None else check_seed(seed)
        core = self._core
        core.require_adapted()
        rows = arrays.features(X, core.input_shape, np.dtype(np.float64), missing=core.missing)
        plan = core.plan or core.lower(core.layers, rows.shape[1:])
        part = augmenting_part(plan)
        if part is None:
            raise ValueError(
                "the network does not begin with a layer that augments; put one first, such as "
                "layers.RandomTranslation(0.1, 0.1) for images or layers.GaussianNoise(0.1)"
            )
        check_rows(plan, rows)
        # Rows with lengths of their own need the recurrent layers that are told them.
        run = replace(plan, loss=None) if isinstance(rows, Sequences) else part
        reference = make_reference(run)
        flat = initial_parameters(plan, core.seed) if core.engine is None else core.engine.get_parameters()
        reference.set_parameters(flat[: run.size].astype(np.float64))
        found = reference.trace(Batch(rows, np.empty(0)), training=training, seed=seed)
        return found[part.values[part.output].name]

    def summary(self) -> Text:
        """Describe the layers: name, what they do, output shape and number of weights, as text.

        Before the input shape is known it lists the layers alone.
        """
        return Text(summary.describe(self._core))

    def plan(self) -> Text:
        """Describe the plan that the engine runs: every op with its values, every parameter with its slice, as text.

        Raises
        ------
        ValueError
            When the network does not know its input shape yet.
        """
        return Text(format_plan(self._core.require_plan()))
