"""What every kind of specification shares: checked numbers, registries of names, and plain-data descriptions.

Specifications (layers, losses, optimizers, ...) are frozen dataclasses. This file holds no list of them: each module
owns its registry. Nothing here does arithmetic.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import numbers
import re
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

T = TypeVar("T")

#: Every registry by its concept, so that a description read from a file finds the class it names.
_REGISTRIES: dict[str, Registry[Any]] = {}


class Registry(Generic[T]):
    """The named members of one kind ("losses", "optimizers", ...).

    Case, hyphens, spaces and underscores in a name do not matter: "LeakyReLU" finds "leaky_relu".

    Parameters
    ----------
    concept : plural name of the kind, which is also the module that owns it
    singular : the word used in error messages
    """

    def __init__(self, concept: str, singular: str) -> None:
        if concept in _REGISTRIES:
            raise ValueError(f"there already is a registry of {concept}")
        self.concept = concept
        self.singular = singular
        self._members: dict[str, T] = {}
        self._names: list[str] = []
        _REGISTRIES[concept] = self

    def register(self, member: T, *names: str) -> T:
        """Add `member` under each of `names`; a name that is taken is an error."""
        for name in names:
            key = _key(name)
            if key in self._members and self._members[key] is not member:
                raise ValueError(f"a {self.singular} named {name!r} is registered already; choose another name")
        for name in names:
            if _key(name) not in self._members:
                self._names.append(name)
            self._members[_key(name)] = member
        return member

    def names(self) -> list[str]:
        """All names, sorted, aliases included."""
        return sorted(self._names)

    def get(self, name: str) -> T:
        """Return the member called `name`.

        Raises
        ------
        ValueError
            naming the close matches and all known names.
        """
        member = self._members.get(_key(name))
        if member is None:
            close = difflib.get_close_matches(name.lower(), self.names(), n=2)
            hint = f", did you mean {' or '.join(repr(match) for match in close)}?" if close else ""
            raise ValueError(f"unknown {self.singular} {name!r}{hint}; known: {', '.join(self.names())}")
        return member


def _key(name: str) -> str:
    return re.sub(r"[-_ ]", "", name).lower()


class Spec:
    """A specification as people see it: its arguments, those left out that have their defaults."""

    def __repr__(self) -> str:
        """Return what makes an equal object, as short as it goes: ``Dense(64, activation=ReLU())``."""
        if not dataclasses.is_dataclass(self):
            return f"{type(self).__name__}()"
        given = {one.name: getattr(self, one.name) for one in dataclasses.fields(self) if one.init}
        required = {one.name: given[one.name] for one in dataclasses.fields(self) if _is_required(one)}
        # Constructors bring arguments into one form, so a default is what they make of it.
        plain = type(self)(**required)
        parts = [repr(value) for value in required.values()]
        parts += [f"{name}={value!r}" for name, value in given.items() if value != getattr(plain, name)]
        return f"{type(self).__name__}({', '.join(parts)})"


def _is_required(field: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return field.init and field.default is missing and field.default_factory is missing


def resolve(registry: Registry[Any], base: type[T], spec: object) -> T:
    """Turn a name or an object into the object, for the `resolve` function of each module.

    Parameters
    ----------
    registry : where names are looked up
    base : the class an object must be of
    spec : the user's argument

    Raises
    ------
    ValueError
        for an unknown name.
    TypeError
        for anything that is neither a name nor a `base` object.
    """
    if isinstance(spec, base):
        return spec
    if isinstance(spec, str):
        return registry.get(spec)()
    if isinstance(spec, type) and issubclass(spec, base):
        raise TypeError(
            f"{registry.singular} must be an object, got the class {spec.__name__}; write {spec.__name__}(...)"
        )
    raise TypeError(
        f"{registry.singular} must be a name or a descend.{registry.concept} object, got {type(spec).__name__}; "
        f"known names: {', '.join(registry.names())}"
    )


def set_field(spec: object, name: str, value: object) -> None:
    """Store a normalized value in a frozen dataclass, from its __post_init__ only."""
    object.__setattr__(spec, name, value)


def check_number(
    spec: object,
    name: str,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    low_open: bool = False,
    high_open: bool = False,
) -> None:
    """Check that field `name` of `spec` is a finite number within bounds, and store it as a float.

    Parameters
    ----------
    spec : the dataclass being made
    name : its field
    low, high : bounds, included unless `low_open` or `high_open`

    Raises
    ------
    TypeError
        when it is not a number.
    ValueError
        when it is not finite or lies outside the bounds.
    """
    value = getattr(spec, name)
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{_owner(spec)}: {name} must be a number, got {value!r} ({type(value).__name__})")
    number = float(value)
    inside = (number > low if low_open else number >= low) and (number < high if high_open else number <= high)
    if not math.isfinite(number) or not inside:
        bounds = _interval(low, high, low_open, high_open)
        raise ValueError(f"{_owner(spec)}: {name} must be a finite number{bounds}, got {value!r}")
    set_field(spec, name, number)


def check_integer(spec: object, name: str, *, low: int, high: int) -> None:
    """Check that field `name` of `spec` is an integer from `low` to `high`, and store it as an int."""
    value = getattr(spec, name)
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{_owner(spec)}: {name} must be an integer, got {value!r} ({type(value).__name__})")
    if not low <= int(value) <= high:
        raise ValueError(f"{_owner(spec)}: {name} must be an integer from {low} to {high}, got {value}")
    set_field(spec, name, int(value))


def check_flag(spec: object, name: str) -> None:
    """Check that field `name` of `spec` is True or False, and store it as a bool."""
    value = getattr(spec, name)
    if not isinstance(value, bool) and type(value).__name__ not in ("bool", "bool_"):
        raise TypeError(f"{_owner(spec)}: {name} must be True or False, got {value!r}")
    set_field(spec, name, bool(value))


def _owner(spec: object) -> str:
    return type(spec).__name__


def _interval(low: float, high: float, low_open: bool, high_open: bool) -> str:
    if math.isinf(low) and math.isinf(high):
        return ""
    if math.isinf(high):
        return f" {'>' if low_open else '>='} {low:g}"
    if math.isinf(low):
        return f" {'<' if high_open else '<='} {high:g}"
    return f" in {'(' if low_open else '['}{low:g}, {high:g}{')' if high_open else ']'}"


class Seen:
    """The objects described or built so far, numbered, for descriptions in which an object stands in several places.

    Its first place holds its description, the others {"same_as": number}. An object's number is how many objects are
    complete before it: those inside it come first.

    Parameters
    ----------
    kind : objects of this class alone are numbered
    """

    def __init__(self, kind: type) -> None:
        self.kind = kind
        self.objects: list[Any] = []
        self.numbers: dict[int, int] = {}

    def add(self, spec: object) -> None:
        """Number an object that is complete."""
        if isinstance(spec, self.kind):
            self.numbers[id(spec)] = len(self.objects)
            self.objects.append(spec)


def to_config(spec: object, seen: Seen | None = None) -> dict[str, Any]:
    """Describe a specification as plain data that JSON can hold.

    The result names the class as "concept.Class" under "type", followed by the constructor's arguments;
    specifications inside are described the same way. `from_config` is the inverse. `seen`, handed from one description
    to the next, keeps objects that stand in several places one object.
    """
    if seen is not None and id(spec) in seen.numbers:
        return {"same_as": seen.numbers[id(spec)]}
    concept = next((c for c, r in _REGISTRIES.items() if type(spec) in r._members.values()), None)
    if concept is None or not dataclasses.is_dataclass(spec):
        name = type(spec).__name__
        raise TypeError(
            f"{name} is not a registered specification and cannot be described; a class of your own needs to be a "
            f"frozen dataclass with a name in its kind's registry, such as layers.registry.register({name}, 'mine')"
        )
    config: dict[str, Any] = {"type": f"{concept}.{type(spec).__name__}"}
    for field in dataclasses.fields(spec):
        if field.init:
            config[field.name] = _describe(getattr(spec, field.name), seen)
    if seen is not None:
        seen.add(spec)
    return config


def _describe(value: object, seen: Seen | None) -> Any:
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, tuple | list):
        return [_describe(item, seen) for item in value]
    return to_config(value, seen)


def from_config(config: Mapping[str, Any], seen: Seen | None = None) -> Any:
    """Build the specification that `to_config` described; only registered classes can be named.

    `seen` as for `to_config`, with descriptions in the same order.

    Raises
    ------
    ValueError
        for an unknown type, an unknown or missing argument, or a value the class refuses.
    TypeError
        for a value of a type the class refuses.
    """
    if seen is not None and isinstance(config, Mapping) and "same_as" in config:
        number = config["same_as"]
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < len(seen.objects):
            raise ValueError(f"'same_as' must be the number of one of {len(seen.objects)} objects, got {number!r}")
        return seen.objects[number]
    kind = config.get("type") if isinstance(config, Mapping) else None
    if not isinstance(kind, str) or kind.count(".") != 1:
        raise ValueError(f"a description needs a 'type' such as 'layers.Dense', got {kind!r}")
    concept, name = kind.split(".")
    if concept not in _REGISTRIES:
        raise ValueError(f"unknown kind of specification {concept!r}; known: {', '.join(sorted(_REGISTRIES))}")
    members = _REGISTRIES[concept]._members.values()
    known = {cls.__name__: cls for cls in members if isinstance(cls, type) and dataclasses.is_dataclass(cls)}
    if name not in known:
        raise ValueError(
            f"unknown type {kind!r}; a class of your own must be imported and registered first, such as by "
            f"{concept}.registry.register({name}, 'mine')"
        )
    fields = {field.name: field for field in dataclasses.fields(known[name]) if field.init}
    arguments = {key: value for key, value in config.items() if key != "type"}
    for argument in arguments:
        if argument not in fields:
            raise ValueError(f"{kind} has no argument {argument!r}; it has {', '.join(sorted(fields)) or 'none'}")
    for argument, field in fields.items():
        if _is_required(field) and argument not in arguments:
            raise ValueError(f"the description of {kind} lacks the argument {argument!r}")
    spec = known[name](**{key: _build(value, seen) for key, value in arguments.items()})
    if seen is not None:
        seen.add(spec)
    return spec


def _build(value: Any, seen: Seen | None) -> Any:
    if isinstance(value, Mapping):
        return from_config(value, seen)
    if isinstance(value, list):
        return tuple(_build(item, seen) for item in value)
    return value
