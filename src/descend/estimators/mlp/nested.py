"""Parameters inside parameters, as scikit-learn names them: `optimizer__learning_rate`, `layers__0__units`.

Specifications are frozen and know nothing of this: setting a number inside one puts a changed copy in its place.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakKeyDictionary

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import InvalidParameterError, validate_parameter_constraints

from descend.layers import Layer

if TYPE_CHECKING:
    from typing_extensions import Self


_NAMES: WeakKeyDictionary[type, list[str]] = WeakKeyDictionary()
_SURE: WeakKeyDictionary[type, dict[str, Any]] = WeakKeyDictionary()


class NestedParameters(BaseEstimator):
    """An estimator whose specifications `get_params` looks into and `set_params` reaches into."""

    _parameter_constraints: ClassVar[dict[str, Any]] = {}
    #: How a parameter given by name becomes the specification it stands for, where that is the same thing.
    _named: ClassVar[dict[str, Callable[[Any], Any]]] = {}

    @classmethod
    def _get_param_names(cls) -> list[str]:
        """Return the names of the parameters, which scikit-learn reads from the signature again and again."""
        names = _NAMES.get(cls)
        if names is None:
            names = _NAMES[cls] = super()._get_param_names()
        return list(names)

    def _validate_params(self) -> None:
        """Check the parameters as scikit-learn does, but not again those that are the defaults."""
        sure = _sure(type(self))
        params = super().get_params(deep=False)
        given = {name: value for name, value in params.items() if name not in sure or value is not sure[name]}
        validate_parameter_constraints(self._parameter_constraints, given, caller_name=type(self).__name__)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name.

        Parameters
        ----------
        deep : bool, default: True
            Whether the numbers inside specifications and lists of them are named, too, as "optimizer__learning_rate".

        Returns
        -------
        dict
        """
        params = super().get_params(deep=False)
        if deep:
            for name in list(params):
                try:
                    opened = self._opened(name)
                except ValueError:  # an unknown name, which fit refuses
                    continue
                params |= {f"{name}__{path}": value for path, value in _inside(opened)}
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters, those inside specifications included.

        Parameters
        ----------
        **params
            By the names of `get_params`.

        Returns
        -------
        the estimator itself

        Raises
        ------
        ValueError, TypeError
            For unknown names, and for values a specification refuses.
        """
        own = {key: value for key, value in params.items() if "__" not in key}
        super().set_params(**own)
        for key in sorted(params.keys() - own.keys(), key=lambda key: key.count("__")):
            name, _, path = key.partition("__")
            if name not in super().get_params(deep=False):
                raise ValueError(f"Invalid parameter {name!r} for estimator {self}.")
            setattr(self, name, _changed(self._opened(name), path, params[key], key))
        return self

    def _opened(self, name: str) -> Any:
        value = getattr(self, name)
        return self._named[name](value) if isinstance(value, str) and name in self._named else value


def _sure(kind: type) -> dict[str, Any]:
    """Return the defaults of a class's parameters that pass its own checks."""
    if kind not in _SURE:
        constraints, found = getattr(kind, "_parameter_constraints", {}), {}
        for parameter in inspect.signature(kind).parameters.values():
            with suppress(InvalidParameterError):
                validate_parameter_constraints(constraints, {parameter.name: parameter.default}, kind.__name__)
                found[parameter.name] = parameter.default
        _SURE[kind] = found
    return _SURE[kind]


def _children(value: Any) -> dict[str, Any]:
    """Return what is inside a specification, or a list that holds some."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.init}
    if isinstance(value, list | tuple) and any(dataclasses.is_dataclass(one) or _children(one) for one in value):
        return {str(i): one for i, one in enumerate(value)}
    return {}


def _inside(value: Any) -> Iterator[tuple[str, Any]]:
    for name, child in _children(value).items():
        yield name, child
        for path, grandchild in _inside(child):
            yield f"{name}__{path}", grandchild


def _changed(value: Any, path: str, new: Any, key: str) -> Any:
    """Return a copy of a specification or list with another value at the end of the path.

    A layer that stands in several places stays one: its changed copy takes its place everywhere.
    """
    steps = path.split("__")
    way = [value]
    for step in steps:
        children = _children(way[-1])
        if step not in children:
            known = f"has {', '.join(children)}" if children else f"is {way[-1]!r}, which has no parameters"
            raise ValueError(f"Invalid parameter {key!r}: there is no {step!r}; what it is to be set in {known}")
        way.append(children[step])
    while steps:
        old, step = way[len(steps) - 1], steps.pop()
        new = _with(old, {step: new})
        if isinstance(old, Layer):
            return _substituted(value, old, new)
    return new


def _with(value: Any, children: dict[str, Any]) -> Any:
    """Return a copy of a specification or list with other things inside."""
    if not isinstance(value, list | tuple):
        return dataclasses.replace(value, **children)
    copy: Any = [children.get(str(i), one) for i, one in enumerate(value)]
    return copy if isinstance(value, list) else tuple(copy)


def _substituted(value: Any, old: Layer, new: Layer) -> Any:
    """Return a value with `new` wherever it holds the object `old`."""
    if value is old:
        return new
    children = {name: (child, _substituted(child, old, new)) for name, child in _children(value).items()}
    changed = {name: after for name, (before, after) in children.items() if after is not before}
    return _with(value, changed) if changed else value
