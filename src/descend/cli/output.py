"""Files that appear whole or not at all: written under a temporary name beside their place, then renamed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from descend.data.errors import DataError


@contextmanager
def staged_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder whose files move into `folder` when the block ends without an error.

    Files of the same names in an existing `folder` are replaced, others stay.

    Parameters
    ----------
    folder : Path
        Made at the end, with its parents, if it does not exist.

    Raises
    ------
    DataError
        At the start, when the folder cannot be written to: not after an hour's training.
    """
    folder = folder.absolute()
    if folder.exists() and not folder.is_dir():
        raise DataError(f"'{folder}' is a file; name a folder with --out.")
    place = folder.parent
    while not place.exists():
        place = place.parent
    try:
        if not place.is_dir() or (folder.exists() and not os.access(folder, os.W_OK)):
            raise PermissionError
        stage = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".tmp", dir=place))
    except OSError:
        raise DataError(f"The folder '{folder}' cannot be written to; name another one with --out.") from None
    try:
        yield stage
        _move(stage, folder)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _move(stage: Path, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not folder.exists():
        stage.chmod(0o777 & ~_umask())
        stage.rename(folder)
        return
    for file in sorted(stage.iterdir()):
        os.replace(file, folder / file.name)


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file under a temporary name, then give it its own.

    Parameters
    ----------
    path : Path
        The file, replaced if it exists.
    write : callable of the temporary path

    Raises
    ------
    DataError
        When the place cannot be written to.
    """
    if path.is_dir():
        raise DataError(f"'{path}' is a folder; name a file with --out.")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.absolute().parent)
    except OSError:
        raise DataError(f"'{path}' cannot be written; check that its folder exists and may be written to.") from None
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
