"""What DATA on the command line is: a table, an `.npz` file, a folder of images, or one image."""

from __future__ import annotations

from pathlib import Path

from descend.data.archives import read_archive
from descend.data.errors import DataError
from descend.data.examples import Examples
from descend.data.images import holds_images, is_image, read_classes
from descend.data.reading import ReadOptions, Table, read_table, refuse_options


def is_archive(path: Path) -> bool:
    """Whether a path names an `.npz` file."""
    return path.suffix.lower() == ".npz" and not path.is_dir()


def read_labelled(
    path: Path, read: ReadOptions, form: str | None = None, size: tuple[int, int] | None = None
) -> Table | Examples:
    """Read what `descend train` is given.

    Parameters
    ----------
    path : Path
    read : ReadOptions
        For tables in files of their own.
    form : str, optional
        For `.npz` files, see `archives.read_archive`.
    size : (height, width), optional
        For folders, see `images.read_classes`.

    Raises
    ------
    DataError
        When the source cannot be read, or an option is not for it.
    """
    if form is not None and not is_archive(path):
        raise DataError(f"--form says what the rows of an .npz file are, but '{path}' is none; leave it out.")
    if size is not None and not path.is_dir():
        raise DataError(f"--image-size is for folders of images, but '{path}' is none; leave it out.")
    if path.is_dir() or is_archive(path):
        refuse_options(path, read)
    if path.is_dir():
        if not holds_images(path) and not any(file.is_dir() for file in path.iterdir()):
            raise DataError(
                f"The folder '{path}' holds no images; name a CSV, Parquet or .npz file, or a folder of images with "
                "one sub-folder per class."
            )
        return read_classes(path, size)
    return read_archive(path, form) if is_archive(path) else read_table_of(path, read)


def read_table_of(path: Path, read: ReadOptions) -> Table:
    """Read a table from CSV, Parquet or an `.npz` file.

    Parameters
    ----------
    path : Path
    read : ReadOptions

    Raises
    ------
    DataError
        When it holds no table.
    """
    if is_archive(path):
        refuse_options(path, read)
        source = read_archive(path)
        if isinstance(source, Examples):
            raise DataError(f"'{path}' holds {source.form}s of shape {source.X.shape}, where a table is needed.")
        return source
    if path.exists() and not path.is_dir() and is_image(path):
        raise DataError(f"'{path}' is one image, where a table is needed; for images name a folder.")
    return read_table(path, read)
