"""Reads folders of image files: one sub-folder per class to train on, any files to predict for.

The rule that makes pixels of files is `ImageRule`; it is stored with the model, so that later files are read alike.
Files that cannot be read are left out and named; nothing else is dropped silently.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from descend.data.errors import DataError, some
from descend.data.examples import TEST, TRAIN, VALIDATION, Examples
from descend.wording import agreeing

#: The name a folder's target has.
TARGET = "class"
#: Heights and widths of images a network gets, and the longest side when nobody asks for another.
MIN_SIDE, MAX_SIDE, USUAL_SIDE = 8, 512, 64
#: Orientations of EXIF that exchange height and width, and the tag that holds them.
_TURNED, _ORIENTATION = (5, 6, 7, 8), 0x0112
#: Modes of Pillow without colour.
_GREY = ("1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N")
#: Folders that hold the parts of a set, each with a sub-folder per class.
_PARTS = {
    "train": TRAIN,
    "training": TRAIN,
    "validation": VALIDATION,
    "valid": VALIDATION,
    "val": VALIDATION,
    "test": TEST,
}


@dataclass(frozen=True)
class ImageRule:
    """How an image file becomes an array.

    Turned upright as its EXIF orientation says; palettes resolved; transparent parts laid on white; the first picture
    of an animation; 16-bit grey cut to its upper 8 bits; grey (ITU-R 601 luma) for one channel and RGB for three. Then,
    where the size differs, scaled until it covers the wanted size and cut off evenly on both sides of what is too long.

    Attributes
    ----------
    height, width : int
    channels : 1 or 3
    """

    height: int
    width: int
    channels: int


@dataclass
class _Found:
    """The files of a folder and what went wrong with some."""

    files: list[Path] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    parts: list[int] = field(default_factory=list)
    others: int = 0
    empty: list[str] = field(default_factory=list)


def parse_size(text: str | None) -> tuple[int, int] | None:
    """Height and width from "32" or "48x64".

    Parameters
    ----------
    text : str or None

    Raises
    ------
    DataError
        When the text is something else, or out of range.
    """
    if text is None:
        return None
    try:
        sizes = [int(part) for part in text.lower().split("x")]
    except ValueError:
        sizes = []
    sizes = sizes * 2 if len(sizes) == 1 else sizes
    if len(sizes) != 2 or not all(MIN_SIDE <= n <= MAX_SIDE for n in sizes):
        raise DataError(
            f"--image-size must be a side such as 32, or height and width such as 48x64, from {MIN_SIDE} to "
            f"{MAX_SIDE}, got {text!r}."
        )
    return sizes[0], sizes[1]


def read_classes(folder: Path, size: tuple[int, int] | None = None, rule: ImageRule | None = None) -> Examples:
    """Read a folder with one sub-folder of images per class, or with folders train and test that hold those.

    Parameters
    ----------
    folder : Path
    size : (height, width), optional
        To bring images to; the medians of all, at most 64 on the longer side, if not given.
    rule : ImageRule, optional
        Of a trained model, which then decides alone.

    Raises
    ------
    DataError
        When the folder is not of that kind, or no images can be read.
    """
    found = _find_classes(folder)
    heads = [_head(file) for file in found.files]
    readable = [head for head in heads if not isinstance(head, str)]
    if not readable:
        raise DataError(f"None of the {len(heads)} images in '{folder}' can be read ({heads[0]}); check the files.")
    notes: list[str] = []
    if rule is None:
        rule, notes = _choose(folder, readable, size)
    _check_memory(len(readable), rule)
    X, bad = _pixels(found.files, rule)
    kept = [i for i in range(len(found.files)) if i not in bad]
    notes += _left_out(folder, found, bad)
    has_parts = any(found.parts)
    return Examples(
        "image",
        X,
        folder,
        pl.Series(TARGET, [found.classes[i] for i in kept], dtype=pl.String),
        None,
        np.array([found.parts[i] for i in kept], np.int8) if has_parts else None,
        tuple(str(found.files[i].relative_to(folder)) for i in kept),
        tuple(notes),
    )


def read_files(path: Path, rule: ImageRule) -> Examples:
    """Read one image, or all images of a folder and its sub-folders in the order of their names.

    Parameters
    ----------
    path : Path
    rule : ImageRule
        Of a trained model.

    Raises
    ------
    DataError
        When there is no image, or none that can be read.
    """
    found = _Found()
    if path.is_dir():
        for file in _walk(path):
            _add(found, file, "", TRAIN)
    else:
        found.files = [path]
    if not found.files:
        raise DataError(f"'{path}' holds no image files; check the path.")
    _check_memory(len(found.files), rule)
    X, bad = _pixels(found.files, rule)
    if not len(X):
        reason = next(iter(bad.values()))
        if not path.is_dir():
            raise DataError(f"'{path}' cannot be read ({reason}); check the file.")
        raise DataError(f"None of the images in '{path}' can be read ({reason}); check the files.")
    base = path if path.is_dir() else path.parent
    sources = tuple(str(file.relative_to(base)) for i, file in enumerate(found.files) if i not in bad)
    return Examples("image", X, path, sources=sources, notes=tuple(_left_out(base, found, bad)))


def is_image(path: Path) -> bool:
    """Whether a file's name ends like an image's."""
    from PIL import Image

    Image.init()
    return path.suffix.lower() in Image.registered_extensions() and path.suffix.lower() not in (".pdf", ".mpg", ".h5")


def holds_images(path: Path) -> bool:
    """Whether a path is that of an image, or of a folder with at least one, however deep.

    Parameters
    ----------
    path : Path
    """
    return any(map(is_image, _walk(path))) if path.is_dir() else path.exists() and is_image(path)


def _find_classes(folder: Path) -> _Found:
    found = _Found()
    inner = _folders(folder)
    known = {sub.name.lower(): sub for sub in inner}
    in_parts = {"train", "test"} <= known.keys() and known.keys() <= _PARTS.keys()
    roots = [(sub, _PARTS[sub.name.lower()]) for sub in inner] if in_parts else [(folder, TRAIN)]
    for root, part in roots:
        found.others += sum(1 for file in root.iterdir() if file.is_file() and not file.name.startswith("."))
        for sub in _folders(root):
            before = len(found.files)
            for file in _walk(sub):
                _add(found, file, sub.name, part)
            if len(found.files) == before:
                found.empty.append(sub.name)
    classes = sorted(set(found.classes))
    if not inner:
        raise DataError(f"'{folder}' has no sub-folders; put the images of each class into a sub-folder of its own.")
    if not classes:
        raise DataError(
            f"No sub-folder of '{folder}' holds an image; put the images of each class into one of its own."
        )
    if len(classes) == 1:
        raise DataError(
            f"'{folder}' has images of one class only, {classes[0]!r}; add a sub-folder with images of another class."
        )
    return found


def _folders(folder: Path) -> list[Path]:
    return sorted(sub for sub in folder.iterdir() if sub.is_dir() and not sub.name.startswith("."))


def _walk(folder: Path) -> list[Path]:
    """All files of a folder and its sub-folders but hidden ones, by name; links to folders are not followed."""
    files = []
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [Path(root, name) for name in sorted(names) if not name.startswith(".")]
    return files


def _add(found: _Found, file: Path, name: str, part: int) -> None:
    if not is_image(file):
        found.others += 1
        return
    found.files.append(file)
    found.classes.append(name)
    found.parts.append(part)


def _head(file: Path) -> tuple[int, int, bool] | str:
    """Height, width (upright) and whether the image is grey, or why it cannot be read."""
    from PIL import Image

    try:
        with _strict(), Image.open(file) as image:
            width, height = image.size
            turned = image.getexif().get(_ORIENTATION) in _TURNED
            return (width, height, image.mode in _GREY) if turned else (height, width, image.mode in _GREY)
    except Exception as error:  # a damaged file may fail anywhere in its decoder
        return _reason(error)


def _choose(
    folder: Path, heads: Sequence[tuple[int, int, bool]], asked: tuple[int, int] | None
) -> tuple[ImageRule, list[str]]:
    """The rule for a folder's images, and what it does to them."""
    sizes = np.array([head[:2] for head in heads])
    grey = sum(head[2] for head in heads)
    channels = 1 if grey == len(heads) else 3
    if asked is None:
        height, width = (float(n) for n in np.median(sizes, axis=0))
        if min(height, width) < MIN_SIDE:
            raise DataError(
                f"The images of '{folder}' are {height:g} x {width:g} pixels in the median, and at least {MIN_SIDE} x "
                f"{MIN_SIDE} are needed; use larger ones, or --image-size to enlarge them."
            )
        shrink = min(1.0, USUAL_SIDE / max(height, width))
        asked = max(MIN_SIDE, round(height * shrink)), max(MIN_SIDE, round(width * shrink))
    rule = ImageRule(*asked, channels)
    notes = []
    other = int((sizes != asked).any(axis=1).sum())
    if other:
        common = Counter(map(tuple, sizes.tolist())).most_common(1)[0][0]
        several = len({tuple(size) for size in sizes.tolist()}) > 1
        notes.append(
            f"{other:,} of {len(heads):,} images {agreeing(other, 'is', 'are')} not {rule.height} x {rule.width} "
            f"pixels (most often {common[0]} x {common[1]}): "
            f"scaled{' and cut evenly at the sides' if several else ''}; --image-size changes that."
        )
    if 0 < grey < len(heads):
        notes.append(
            f"{grey:,} of {len(heads):,} images {agreeing(grey, 'is', 'are')} grey; as others have colours, all are "
            "read as RGB."
        )
    return rule, notes


def _check_memory(images: int, rule: ImageRule) -> None:
    """As bytes, as float32 numbers, and once more while parts are cut out."""
    size = images * rule.height * rule.width * rule.channels * 9
    if size > os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"):
        raise DataError(
            f"{images:,} images of {rule.height} x {rule.width} pixels need {size / 1e9:.1f} GB, more than this "
            "machine has; use a smaller --image-size, or fewer images."
        )


def _pixels(files: Sequence[Path], rule: ImageRule) -> tuple[NDArray[np.uint8], dict[int, str]]:
    """(readable files, height, width, channels), and the reasons for the others by their places."""
    X = np.empty((len(files), rule.height, rule.width, rule.channels), np.uint8)
    bad: dict[int, str] = {}
    for i, file in enumerate(files):
        pixels = _decode(file, rule)
        if isinstance(pixels, str):
            bad[i] = pixels
        else:
            X[i - len(bad)] = pixels
    return X[: len(files) - len(bad)], bad


def _decode(file: Path, rule: ImageRule) -> NDArray[np.uint8] | str:
    """A file's pixels by the rule, or why there are none."""
    from PIL import Image, ImageOps

    try:
        with _strict(), Image.open(file) as image:
            upright: Any = ImageOps.exif_transpose(image)
            plain = _plain(upright).convert("L" if rule.channels == 1 else "RGB")
            size = (rule.width, rule.height)
            if plain.size != size:
                plain = ImageOps.fit(plain, size, Image.Resampling.BILINEAR)
            return np.asarray(plain, np.uint8).reshape(rule.height, rule.width, rule.channels)
    except Exception as error:
        return _reason(error)


def _plain(image: Any) -> Any:
    """An image of mode L or RGB."""
    from PIL import Image

    if image.mode == "F":
        raise ValueError("pixels are floating-point numbers")
    if image.mode.startswith("I"):
        deep = np.asarray(image)
        if deep.min() < 0 or deep.max() > 65535:
            raise ValueError("pixels have more than 16 bits")
        return Image.fromarray((deep >> 8).astype(np.uint8))
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, image).convert("RGB")
    return image if image.mode in ("L", "RGB") else image.convert("L" if image.mode == "1" else "RGB")


@contextmanager
def _strict() -> Iterator[None]:
    """Within it decoders' remarks are silent, and a picture that would fill the memory is an error."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _reason(error: Exception) -> str:
    """Why a file cannot be read, in a few words."""
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return "no image, or of an unknown kind"
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return "too many pixels"
    if isinstance(error, FileNotFoundError):
        return "no such file"
    return " ".join((getattr(error, "strerror", None) or str(error) or type(error).__name__).split())[:80]


def _left_out(folder: Path, found: _Found, bad: dict[int, str]) -> list[str]:
    """Sentences about files and folders that are not used."""
    notes = []
    if bad:
        names = [str(found.files[i].relative_to(folder)) for i in bad]
        reasons = Counter(bad.values()).most_common(2)
        were = agreeing(len(bad), "was", "were")
        notes.append(
            f"{len(bad):,} of {len(found.files):,} images cannot be read and {were} left out: {some(names)} "
            f"({'; '.join(reason for reason, _ in reasons)})."
        )
    if found.others:
        are = agreeing(found.others, "file in the folder is", "files in the folder are")
        notes.append(f"{found.others:,} other {are} not used.")
    if found.empty:
        notes.append(f"No images in {some(found.empty)}.")
    return notes
