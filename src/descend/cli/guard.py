"""Turns what a user can mend into one sentence on standard error and exit code 2. Bugs keep their traceback."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from descend.data.errors import DataError

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
        what = f"'{error.filename}': " if error.filename else ""
        fail(f"{what}{error.strerror or error}; check the path, its permissions and the space left on the disk.")
    except KeyboardInterrupt:
        print("Interrupted; nothing was written.", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None


def fail(sentence: str) -> NoReturn:
    """Print an error and leave with exit code 2.

    Parameters
    ----------
    sentence : str
        Names the problem and the remedy.
    """
    print(f"descend: {sentence}", file=sys.stderr)
    raise SystemExit(BAD_INPUT)
