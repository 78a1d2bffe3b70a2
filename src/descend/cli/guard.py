"""Turns what a user can mend into one sentence on standard error and exit code 2. Bugs keep their traceback."""

from __future__ import annotations

import errno
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from descend.data.errors import DataError

#: How click, and Typer's copy of it, say that a number was wanted.
_A_NUMBER = re.compile(r"valid (?P<kind>integer|number|float)")
#: Exit codes: something the user can mend; Ctrl-C and SIGTERM (128 + the signal).
BAD_INPUT, INTERRUPTED, TERMINATED = 2, 130, 143


@contextmanager
def one_sentence() -> Iterator[None]:
    """Run a command's body so that expected errors end in a sentence and an exit code.

    Raises
    ------
    SystemExit
        Code 2 for bad input, 130 for Ctrl-C, 1 for output nobody reads any more.
    """
    try:
        yield
    except DataError as error:
        fail(str(error))
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(1) from None
    except MemoryError:
        fail(
            "There is not enough memory for this; use fewer rows, drop columns with many categories, or ask for "
            "fewer --hidden units."
        )
    except ImportError as error:
        if "DESCEND_ISA" not in str(error):
            raise
        fail(f"{error}.")
    except OSError as error:
        if error.errno == errno.ENOSPC or "os error 28" in str(error):  # polars only tells the number in words
            fail("There is no space left on the disk; free some, or name a place on another one with --out.")
        what = f"'{error.filename}': " if error.filename else ""
        fail(f"{what}{error.strerror or error}; check the path, its permissions and the space left on the disk.")
    except KeyboardInterrupt:
        print("Interrupted; nothing was written.", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None


def usage_sentence(error: Any, arguments: Sequence[str]) -> str:
    """What is wrong with the arguments, as one sentence.

    Parameters
    ----------
    error : a usage error of click, or of Typer's copy of it
    arguments : sequence of str
        All that were given.
    """
    command = getattr(getattr(error, "ctx", None), "command_path", "descend")
    words = " ".join(error.format_message().split()).rstrip(".")
    option = max(getattr(getattr(error, "param", None), "opts", ()), key=len, default="")
    kind = _A_NUMBER.search(words)
    if option and kind is not None:
        value = _value_of(error.param.opts, arguments)
        words = f"{option} must be a {'whole ' * (kind['kind'] == 'integer')}number" + (
            "" if value is None else f", got {value!r}"
        )
    return f"{words}; see '{command} --help'."


def _value_of(names: Sequence[str], arguments: Sequence[str]) -> str | None:
    """What was given for an option; None where it cannot be told."""
    for i, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name in names:
            return value if equals else arguments[i + 1] if i + 1 < len(arguments) else None
    return None


def fail(sentence: str) -> NoReturn:
    """Print an error and leave with exit code 2.

    Parameters
    ----------
    sentence : str
        Names the problem and the remedy.
    """
    print(f"descend: {sentence}", file=sys.stderr)
    raise SystemExit(BAD_INPUT)
