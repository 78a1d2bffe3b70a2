"""The network people use, and its files."""

from descend.model.archive import ModelFileError
from descend.model.network import Network

__all__ = ["ModelFileError", "Network"]
