"""The command line `descend`: a face for people; it uses the library's public interface only.

`main` is the console script. Modules, in the order of the main job: `app` (commands and their options), `training`
(the job), `recipe` (its defaults), `baselines`, `scoring`, `bundle` (model file with preprocessing), `report`.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; the console script `descend`."""
    try:
        from descend.cli.app import run

        run()
    except KeyboardInterrupt:  # before a command began
        print("Interrupted; nothing was written.", file=sys.stderr)
        raise SystemExit(130) from None


__all__ = ["main"]
