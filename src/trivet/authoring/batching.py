"""Batching: handlers that take a list of inputs and return a list with an output for each.

A caller sends one input and gets one output; that others were in the same batch shows nowhere. So the schemas are those of the
lists' items.
"""

from __future__ import annotations

import types
import typing
from collections import abc
from typing import Any, NamedTuple

from trivet.authoring.binding import DIALECT, Binding
from trivet.authoring.errors import BatchMismatch
from trivet.authoring.hints import REQUIRED, Parameter, Signature, kind_of, read_signature, unwrapped
from trivet.authoring.scalars import Schema

if typing.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import FunctionType

USUAL_WAIT = 0.005
"""Seconds that the first input of a batch waits for company, where the author says nothing."""
_TAKES = (list, abc.Sequence, abc.MutableSequence, abc.Collection, abc.Iterable)
_NO_LISTS = (str, bytes, bytearray, dict, set, frozenset, int, float, bool, type(None))


class Batching(NamedTuple):
    """How inputs are gathered: ``size`` of them at most; the first waits up to ``wait`` seconds for company."""

    size: int
    wait: float

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Batching:
        """What an endpoint's settings say."""
        return cls(settings.get("max_batch_size", 1), settings.get("batch_wait", USUAL_WAIT))


class ItemBinding(Binding):
    """How one input becomes one item of the list that a batching handler takes.

    There is no argument to name, so an input that is an object is the item itself.

    Args:
        item: the hint of the list's items.
    """

    def __init__(self, item: Any) -> None:
        super().__init__(Signature((Parameter("item", item, REQUIRED, True),), open=False, returns=Any))

    def bind_value(self, value: Any) -> tuple[list[Any], dict[str, Any]]:
        """As `Binding.bind_value`: the only positional argument is the item."""
        return self._alone(value)

    def schema(self) -> Schema:
        """The JSON Schema of one input; empty where it may be anything."""
        item = self._shapes["item"].schema
        if not item:
            return {}
        schema = {"$schema": DIALECT, **item}
        return {**schema, "$defs": self._definitions} if self._definitions else schema


def check(function: FunctionType, *, bound: bool) -> None:
    """Looks whether a function can be a batching handler.

    Args:
        function: the handler.
        bound: its first parameter is ``self``.

    Raises:
        TypeError: it can't, with what to change.
    """
    kind = kind_of(function)
    if kind.endswith("generator"):
        raise TypeError(
            f"{function.__qualname__} is a generator, and max_batch_size asks for batches: a stream belongs to one caller."
            " Return a list, or leave max_batch_size out"
        )
    if unwrapped(function).__code__.co_argcount <= bound:
        raise _no_list(function.__qualname__)
    item_hints(read_signature(function, bound=bound), function.__qualname__)


def item_hints(signature: Signature, name: str) -> tuple[Any, Any]:
    """The hints of one input and one output of a batching handler.

    Args:
        signature: of the handler, which takes and returns lists.
        name: the handler's, for messages.

    Raises:
        TypeError: it takes no list, or returns none.
    """
    required = [each for each in signature.parameters if each.required]
    first = required[0] if required else next(iter(signature.parameters), None)
    if first is None or len(required) > 1 or first is not signature.parameters[0]:
        raise _no_list(name)
    taken = _plain(first.hint)
    if taken is not Any and (typing.get_origin(taken) or taken) not in _TAKES:
        raise TypeError(
            f"{name} can't be given batches: with max_batch_size it takes a list of inputs, so its parameter {first.name}"
            f" is hinted as a list, for example list[str], not as {_shown(taken)}"
        )
    returned = _plain(signature.returns)
    if (typing.get_origin(returned) or returned) in _NO_LISTS:
        raise TypeError(
            f"{name} can't be given batches: with max_batch_size it returns a list with an output for each input, so what it"
            f" returns is hinted as a list, for example list[str], not as {_shown(returned)}"
        )
    return _item(taken), _without_errors(_item(returned))


def outputs_of(returned: Any, count: int) -> Sequence[Any]:
    """The outputs in what a batching handler returned, in the order of its inputs.

    Args:
        returned: a list or another sequence, or an array of NumPy's or the like.
        count: how many inputs the handler was given.

    Raises:
        BatchMismatch: it is none of these, or of another length.
    """
    listed = isinstance(returned, abc.Sequence) or hasattr(returned, "tolist")
    if not listed or isinstance(returned, str | bytes | bytearray | memoryview):
        raise BatchMismatch(count, f"it returned a value of the type {type(returned).__qualname__}")
    try:
        outputs = list(returned)
    except TypeError:  # an array without dimensions
        raise BatchMismatch(count, "it returned a single value") from None
    if len(outputs) != count:
        raise BatchMismatch(count, f"it returned a list of {len(outputs)}")
    return outputs


def output_of(returned: Any) -> Any:
    """The output of a batch of one.

    Raises:
        BatchMismatch: what the handler returned is no list of one.
        Exception: where that is what it returned in place of an output.
    """
    (output,) = outputs_of(returned, 1)
    if isinstance(output, BaseException):
        raise output
    return output


def _no_list(name: str) -> TypeError:
    return TypeError(
        f"{name} can't be given batches: with max_batch_size it takes one list of inputs, for example"
        f" def {name.rpartition('.')[2]}(texts: list[str]) -> list[float]"
    )


def _plain(hint: Any) -> Any:
    return typing.get_args(hint)[0] if typing.get_origin(hint) is typing.Annotated else hint


def _item(hint: Any) -> Any:
    """``T`` of ``list[T]`` and its like; what is no list (an array, say) has items of any kind."""
    arguments = typing.get_args(hint)
    if (typing.get_origin(hint) or hint) in _TAKES:
        return arguments[0] if arguments else Any
    if typing.get_origin(hint) is tuple and len(arguments) == 2 and arguments[1] is ...:
        return arguments[0]
    return Any


def _without_errors(hint: Any) -> Any:
    """The hint without the exceptions that stand in it for inputs that failed: callers get those as errors."""
    if typing.get_origin(hint) not in (typing.Union, types.UnionType):
        return hint
    kept = [each for each in typing.get_args(hint) if not (isinstance(each, type) and issubclass(each, BaseException))]
    return typing.Union[tuple(kept)] if kept else Any  # noqa: UP007 - put together from a list, which `|` can't


def _shown(hint: Any) -> str:
    return hint.__qualname__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)
