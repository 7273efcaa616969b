"""Algorithms, for programs that wait."""

from trivet.algorithmia._options import OutputType
from trivet.algorithmia._sync.algorithm import Algorithm

__all__ = ["Algorithm", "OutputType"]
