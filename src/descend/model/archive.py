"""The container of a model file: named arrays and one JSON description in a safetensors file, with a checksum.

It knows nothing of networks. Reading executes nothing, allocates no more than the file is long, and turns whatever is
wrong with a file into `ModelFileError`.
"""

from __future__ import annotations

import errno
import json
import os
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from descend.model.foreign import HEAD, is_container, looks_like

#: Raised with every change that older readers would misunderstand. 2: layers that stand in several places.
VERSION = 2

_FORMAT = "descend"
_NAME_ANOTHER = "name a file that Network.save or 'descend train' wrote"
#: What to do about a file that once was right.
COPY_AGAIN = "copy it again from where it is whole, or save the network again"


class ModelFileError(ValueError):
    """A file is not a model, is damaged, or needs a newer version of the library."""


def write(path: str | os.PathLike[str], description: Mapping[str, Any], arrays: Mapping[str, NDArray]) -> None:
    """Write a file as a whole: under a temporary name in the same folder, then renamed.

    Parameters
    ----------
    path : the file, replaced if it exists
    description : what JSON can hold
    arrays : by name, float32, float64 or int64

    Raises
    ------
    TypeError, ValueError
        When the description is not JSON (NaN included).
    OSError
        When the folder cannot be written to.
    """
    from safetensors.numpy import save

    if Path(path).is_dir():
        raise IsADirectoryError(errno.EISDIR, "This is a folder; name a file in it to save to", str(path))
    if not Path(path).absolute().parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "There is no such folder to save in", str(Path(path).absolute().parent))
    text = json.dumps(description, allow_nan=False, separators=(",", ":"))
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    metadata = {
        "format": _FORMAT,
        "version": str(VERSION),
        "description": text,
        "checksum": _checksum(text, contiguous),
    }
    _replace(Path(path), save(contiguous, metadata))


def _replace(path: Path, content: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """Read a file that `write` wrote.

    Returns
    -------
    the description and the arrays by name

    Raises
    ------
    FileNotFoundError, OSError
        When there is no such file, or it cannot be read.
    ModelFileError
        When it is something else, damaged, or newer than this library.
    """
    path = Path(path)
    if path.exists() and not (path.is_file() or path.is_dir()):
        _refuse(path, f"it is a device or a pipe, not a file; {_NAME_ANOTHER}")
    with path.open("rb") as stream:  # says in Python's own words when the file is missing or not readable
        head = stream.read(HEAD)
    metadata, arrays = _read_safetensors(path, head)
    if metadata.get("format") != _FORMAT:
        _refuse(path, f"another program wrote it; {_NAME_ANOTHER}")
    version = metadata.get("version", "")
    if not version.isdecimal() or len(version) > 9 or int(version) < 1:
        _refuse(path, f"it does not state its format's version, so it was damaged; {COPY_AGAIN}")
    if int(version) > VERSION:
        _refuse(
            path, f"it has format version {version} and this library reads up to {VERSION}; install a newer descend"
        )
    text = metadata.get("description", "")
    if metadata.get("checksum") != _checksum(text, arrays):
        _refuse(path, f"it was damaged, since its checksum does not match its content; {COPY_AGAIN}")
    try:
        description = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        description = None
    if not isinstance(description, dict):
        _refuse(path, f"its description of the network cannot be read; {COPY_AGAIN}")
    return description, arrays


def _read_safetensors(path: Path, head: bytes) -> tuple[dict[str, str], dict[str, NDArray]]:
    from safetensors import SafetensorError, safe_open

    arrays: dict[str, NDArray] = {}
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") == _FORMAT:
                for name in file.keys():  # noqa: SIM118 - not a mapping
                    arrays[name] = file.get_tensor(name)
    except (SafetensorError, ValueError, TypeError, KeyError, OverflowError, AttributeError) as error:
        raise ModelFileError(f"{path} cannot be loaded: {_unreadable(head)}") from error
    return metadata, arrays


def _unreadable(head: bytes) -> str:
    """Say in plain words what is wrong with a file that begins like this, and what to do."""
    if not head:
        return f"it is empty; {COPY_AGAIN}"
    if is_container(head):
        return f"it is damaged or cut short; {COPY_AGAIN}"
    kind = looks_like(head)
    if kind is not None:
        return f"it is {kind}, not a model file; {_NAME_ANOTHER}"
    return f"it is not a model file, or its beginning was damaged; {_NAME_ANOTHER}, or copy it again"


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _refuse(path: Path, reason: str) -> NoReturn:
    raise ModelFileError(f"{path} cannot be loaded: {reason}")


def _checksum(text: str, arrays: Mapping[str, NDArray]) -> str:
    """CRC-32 over the description and over every array's name, dtype, shape and bytes."""
    value = zlib.crc32(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        value = zlib.crc32(f"{name} {array.dtype.str} {array.shape}".encode(), value)
        value = zlib.crc32(np.ascontiguousarray(array).data if array.size else b"", value)
    return f"crc32:{value:08x}"
