"""The report: one HTML file that needs nothing else, with tables and pictures of a training run.

`pictures` decides which pictures a task gets; `classification`, `regression`, `importance` and `boundary` draw
them; `canvas` holds what they share; `page` puts everything into HTML.
"""

from descend.cli.report.page import write_report

__all__ = ["write_report"]
