"""What a file that is no model file looks like, told from its first bytes; nothing of it is interpreted."""

from __future__ import annotations

import codecs

#: How many bytes `looks_like` wants to see.
HEAD = 256

_BEGINNINGS = (
    (b"PK\x03\x04", "a ZIP archive, as PyTorch, Keras and NumPy write them"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, as older versions of Keras write them"),
    (b"\x93NUMPY", "an array that NumPy saved"),
    (b"\x1f\x8b", "a file compressed by gzip"),
    (b"PAR1", "a Parquet table"),
    *((bytes((0x80, protocol)), "a pickle of Python") for protocol in range(2, 6)),
)


def is_container(head: bytes) -> bool:
    """Whether a file begins as safetensors files do: eight bytes of length, then a table of names."""
    return head[8:10] == b'{"'


def looks_like(head: bytes) -> str | None:
    """Return what a file seems to be, for a message, or None when nothing is known of such a beginning.

    Parameters
    ----------
    head : its first `HEAD` bytes, or all when it is shorter
    """
    for beginning, kind in _BEGINNINGS:
        if head.startswith(beginning):
            return kind
    return "text" if len(head) > 4 and _is_text(head) else None


def _is_text(head: bytes) -> bool:
    try:
        text, _ = codecs.utf_8_decode(head, "strict", False)  # a last character cut in its middle is left out
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character in "\t\r\n" for character in text)
