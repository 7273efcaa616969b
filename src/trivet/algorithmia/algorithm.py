"""Algorithms, for programs that wait."""

from trivet.algorithmia._options import OutputType
from trivet.algorithmia._sync.algorithm import Algorithm
from trivet.algorithmia.algo_response import AlgoResponse
from trivet.algorithmia.async_response import AsyncResponse
from trivet.algorithmia.errors import AlgorithmException, ApiError, ApiInternalError, raiseAlgoApiError

__all__ = [
    "AlgoResponse",
    "Algorithm",
    "AlgorithmException",
    "ApiError",
    "ApiInternalError",
    "AsyncResponse",
    "OutputType",
    "raiseAlgoApiError",
]
