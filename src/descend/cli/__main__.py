"""`python -m descend.cli` is the console script `descend`."""

from descend.cli import main

main()
