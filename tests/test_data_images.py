"""Reading images: the rule from files to pixels, mode by mode, and what cannot be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from descend.data import images
from descend.data.errors import DataError
from descend.data.images import ImageRule, read_classes, read_files

GREY, RGB = ImageRule(8, 8, 1), ImageRule(8, 8, 3)
GRADIENT = np.arange(64, dtype=np.uint8).reshape(8, 8) * 3


def read(path: Path, rule: ImageRule) -> np.ndarray:
    return read_files(path, rule).X[0]


def test_grey_as_it_is(tmp_path):
    Image.fromarray(GRADIENT).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read(tmp_path / "a.png", GREY)[..., 0], GRADIENT)
    np.testing.assert_array_equal(read(tmp_path / "a.png", RGB), np.repeat(GRADIENT[..., None], 3, axis=2))


def test_colours_as_they_are_and_as_luma(tmp_path):
    colours = np.zeros((8, 8, 3), np.uint8)
    colours[:] = (200, 100, 50)
    Image.fromarray(colours).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read(tmp_path / "a.png", RGB), colours)
    luma = 0.299 * 200 + 0.587 * 100 + 0.114 * 50
    assert np.abs(read(tmp_path / "a.png", GREY).astype(float) - luma).max() <= 1


def test_transparent_parts_lie_on_white(tmp_path):
    rgba = np.zeros((8, 8, 4), np.uint8)
    rgba[:, :4] = (10, 20, 30, 255)
    Image.fromarray(rgba).save(tmp_path / "a.png")
    pixels = read(tmp_path / "a.png", RGB)
    assert (pixels[:, :4] == (10, 20, 30)).all() and (pixels[:, 4:] == 255).all()
    Image.fromarray(np.dstack([GRADIENT, np.zeros((8, 8), np.uint8)]), mode="LA").save(tmp_path / "b.png")
    assert (read(tmp_path / "b.png", GREY) == 255).all()


def test_palettes_become_colours(tmp_path):
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 9, 8, 7])
    image.save(tmp_path / "a.png")
    assert (read(tmp_path / "a.png", RGB) == (9, 8, 7)).all()
    image.save(tmp_path / "b.png", transparency=1)
    assert (read(tmp_path / "b.png", RGB) == 255).all()


def test_black_and_white_and_sixteen_bits(tmp_path):
    Image.fromarray(GRADIENT > 90).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read(tmp_path / "a.png", GREY)[..., 0], np.where(GRADIENT > 90, 255, 0))
    Image.fromarray(GRADIENT.astype(np.uint16) * 256 + 77).save(tmp_path / "b.png")
    np.testing.assert_array_equal(read(tmp_path / "b.png", GREY)[..., 0], GRADIENT)


def test_turned_upright_by_exif(tmp_path):
    image = Image.fromarray(GRADIENT)
    exif = image.getexif()
    exif[0x0112] = 6  # the camera was turned; upright is a quarter turn clockwise
    image.save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read(tmp_path / "a.png", GREY)[..., 0], np.rot90(GRADIENT, -1))


def test_other_sizes_are_covered_and_cut_evenly(tmp_path):
    wide = np.zeros((8, 24), np.uint8)
    wide[:, 8:16] = 200
    Image.fromarray(wide).save(tmp_path / "a.png")
    assert (read(tmp_path / "a.png", GREY) == 200).all()


def make_set(folder: Path, sizes: dict[str, tuple[int, int]]) -> Path:
    for name, size in sizes.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros(size, np.uint8)).save(folder / name)
    return folder


def test_size_is_the_median_and_at_most_64(tmp_path):
    make_set(tmp_path / "a", {"x/1.png": (20, 30), "x/2.png": (20, 30), "y/1.png": (40, 30)})
    examples = read_classes(tmp_path / "a")
    assert examples.X.shape == (3, 20, 30, 1)
    assert "1 of 3 images is not 20 x 30 pixels" in examples.notes[0]
    make_set(tmp_path / "b", {"x/1.png": (256, 128), "y/1.png": (256, 128)})
    assert read_classes(tmp_path / "b").X.shape == (2, 64, 32, 1)
    assert read_classes(tmp_path / "b", (16, 16)).X.shape == (2, 16, 16, 1)


def test_one_coloured_image_makes_all_coloured(tmp_path):
    make_set(tmp_path, {"x/1.png": (9, 9), "y/1.png": (9, 9)})
    Image.new("RGB", (9, 9), (1, 2, 3)).save(tmp_path / "y" / "2.png")
    examples = read_classes(tmp_path)
    assert examples.X.shape == (3, 9, 9, 3)
    assert "2 of 3 images are grey" in examples.notes[0]


def test_damaged_files_are_left_out_and_named(tmp_path):
    make_set(tmp_path, {"x/1.png": (30, 30), "y/1.png": (30, 30)})
    noise = np.random.default_rng(0).integers(0, 255, (30, 30)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "x" / "2.png")
    whole = (tmp_path / "x" / "2.png").read_bytes()
    (tmp_path / "x" / "2.png").write_bytes(whole[: len(whole) // 2])
    Image.fromarray(noise.astype(np.float32)).save(tmp_path / "y" / "2.tiff")
    examples = read_classes(tmp_path)
    assert examples.sources == ("x/1.png", "y/1.png")
    assert examples.target is not None and examples.target.to_list() == ["x", "y"]
    (note,) = [note for note in examples.notes if "cannot be read" in note]
    assert "2 of 4 images" in note and "'x/2.png'" in note and "'y/2.tiff'" in note


def test_pictures_that_would_fill_the_memory_are_left_out(tmp_path, monkeypatch):
    make_set(tmp_path, {"x/1.png": (30, 30), "y/1.png": (30, 30), "y/2.png": (90, 90)})
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2000)
    examples = read_classes(tmp_path)
    assert len(examples) == 2 and "too many pixels" in examples.notes[-1]


def test_more_images_than_memory(tmp_path, monkeypatch):
    make_set(tmp_path, {"x/1.png": (30, 30), "y/1.png": (30, 30)})
    monkeypatch.setattr(images.os, "sysconf", lambda name: 100)
    with pytest.raises(DataError, match="smaller --image-size"):
        read_classes(tmp_path)


def test_hidden_files_and_folders_are_not_looked_at(tmp_path):
    make_set(tmp_path, {"x/1.png": (9, 9), "y/1.png": (9, 9), ".cache/1.png": (9, 9), "x/.thumb.png": (3, 3)})
    assert read_classes(tmp_path).sources == ("x/1.png", "y/1.png")
