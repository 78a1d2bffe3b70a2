"""The command line `descend`: a face for people; it uses the library's public interface only.

`main` is the console script. Modules, in the order of the main job: `app` (commands and their options), `training`
(the job), `recipe` (its defaults), `baselines`, `scoring`, `bundle` (model file with preprocessing), `report`.
"""

from __future__ import annotations


def main() -> None:
    """Run the command line; the console script `descend`."""
    from descend.cli.app import run

    run()


__all__ = ["main"]
