"""Do the parts of a model fit each other? What can be told without running them."""

from __future__ import annotations

from collections.abc import Sequence

from trivet.models import folders
from trivet.models.description import ModelDescription
from trivet.models.domain import Method
from trivet.models.graphs import Graph
from trivet.models.matrix import Design

__all__ = ["misfits"]


def misfits(
    description: ModelDescription, design: Design, graph: Graph, preprocessor: Graph | None, methods: Sequence[Method]
) -> list[str]:
    """Says what doesn't fit, as far as the graphs say what they read and give.

    Args:
        description: The model.
        design: The columns that the first graph is fed with.
        graph: The model's own graph.
        preprocessor: The graph before it.
        methods: The opened domains of the description, in its order; none where one of them can't be opened.

    Returns:
        A sentence for each misfit.
    """
    width = design.width
    if preprocessor is None:
        problems = _input_misfits(graph, folders.MODEL, design)
    else:
        problems = _input_misfits(preprocessor, folders.PREPROCESSOR, design)
        if len(graph.inputs) > 1:
            problems.append(f"{folders.MODEL} has {len(graph.inputs)} inputs; behind a preprocessor it must have one")
        gives, reads = preprocessor.outputs[0].width, graph.inputs[0].width
        if gives is not None and reads is not None and gives != reads:
            problems.append(
                f"{folders.PREPROCESSOR} gives {gives} columns, and {folders.MODEL} reads {reads}: they don't fit"
            )
        width = gives or reads
    for place, (domain, method) in enumerate(zip(description.domains, methods, strict=bool(methods))):
        if width is not None and method.width != width:
            problems.append(
                f"doas[{place}]: {domain.method} was fitted on {method.width} columns, and the model reads {width}"
            )
    output, count = graph.outputs[0], len(description.dependent)
    if description.type == "SKLEARN_ONNX" and output.width not in (None, count):
        problems.append(f"{folders.MODEL} gives {output.width} values per row, and there are {count} dependentFeatures")
    return problems


def _input_misfits(graph: Graph, name: str, design: Design) -> list[str]:
    if len(graph.inputs) == 1:
        port = graph.inputs[0]
        if len(port.shape) > 2:
            return [f"{name} reads tensors of {len(port.shape)} dimensions; it must read a table, one row per row"]
        if None not in (port.width, design.width) and port.width != design.width:
            return [f"{name} reads {port.width} columns, and there are {design.width}: {_listed(design.names)}"]
        return []
    problems = []
    for port in graph.inputs:
        if port.name not in design.names:
            problems.append(
                f"{name} has an input {port.name}, and there is no such column; there are {_listed(design.names)}"
            )
        elif design.names.count(port.name) > 1:
            problems.append(f"{name} has an input {port.name}, and several columns are called so")
        elif port.width not in (None, 1) or len(port.shape) > 2:
            problems.append(f"{name}: its input {port.name} reads {port.width} values, and a column has one per row")
    return problems


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
