"""``@trivet.endpoint``: marks a function or a class as something to deploy, and leaves it usable as it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Any, Generic, Literal, ParamSpec, TypeVar, overload

from trivet.authoring.hints import kind_of, piece_hint, unwrapped
from trivet.authoring.settings import checked

if TYPE_CHECKING:
    from trivet.authoring.binding import Binding

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

_METHODS = ("__call__", "predict")


class Endpoint:
    """What the decorator leaves in the module: the author's function or class, and what Trivet needs to know of it.

    Args:
        target: the function or class.
        function: the handler: the function itself, or the method of the class.
        settings: as the decorator took them, checked.
    """

    is_class = False

    def __init__(self, target: Any, function: FunctionType, settings: dict[str, Any]) -> None:
        self.target = target
        self.function = function
        self.settings = settings
        self.kind = kind_of(function)
        if self.takes_batches:
            from trivet.authoring import batching

            batching.check(function, bound=self.is_class)
        self.__module__ = target.__module__
        self.__name__ = target.__name__
        self.__qualname__ = target.__qualname__
        self.__doc__ = target.__doc__

    @property
    def name(self) -> str:
        """The name it is deployed under, without an owner."""
        given = self.settings.get("name")
        return given if isinstance(given, str) else self.__name__

    @property
    def description(self) -> str:
        """What it does, in the author's words: the setting, else the docstring."""
        given = self.settings.get("description")
        if isinstance(given, str):
            return given
        text = self.target.__doc__ or self.function.__doc__ or ""
        return "\n".join(line.strip() for line in text.strip().splitlines())

    @property
    def takes_batches(self) -> bool:
        """Whether the handler takes a list of inputs and returns a list of outputs."""
        return bool(self.settings.get("max_batch_size", 1) > 1)

    def describe(self) -> dict[str, Any]:
        """All that a platform has to know to serve this endpoint, as JSON values.

        Returns:
            ``name``, ``kind`` (``sync``, ``async``, ``generator``, ``async_generator``), ``class``, ``module``,
            ``qualname``, ``description``, ``input_schema``, ``output_schema`` (of a generator: of the list of its
            pieces; both of a batching handler: of one item) and ``settings`` (only what was given).
        """
        from trivet.authoring.shapes import output_schema

        streams = self.kind.endswith("generator")
        return {
            "name": self.name,
            "kind": self.kind,
            "class": self.is_class,
            "module": self.__module__,
            "qualname": self.__qualname__,
            "description": self.description,
            "input_schema": self.binding().schema(),
            "output_schema": output_schema(self._output_hint(), streams=streams),
            "settings": dict(self.settings),
        }

    def binding(self) -> Binding:
        """How an input becomes the handler's arguments; of one that takes batches: an item of its list.

        Raises:
            TypeError: the handler is to take batches and takes no list.
        """
        from trivet.authoring.hints import read_signature

        signature = read_signature(self.function, bound=self.is_class)
        if self.takes_batches:
            from trivet.authoring.batching import ItemBinding, item_hints

            return ItemBinding(item_hints(signature, self.__qualname__)[0])
        from trivet.authoring.binding import Binding

        return Binding(signature)

    def _output_hint(self) -> Any:
        """The hint of what one caller gets, or of one piece of it."""
        from trivet.authoring.hints import read_signature

        signature = read_signature(self.function, bound=self.is_class)
        if self.takes_batches:
            from trivet.authoring.batching import item_hints

            return item_hints(signature, self.__qualname__)[1]
        return piece_hint(signature.returns) if self.kind.endswith("generator") else signature.returns

    def local(self, input: Any = None, *, on_progress: Callable[[float, str], None] | None = None) -> Any:
        """Runs the handler in this process, on an input as a caller would send it.

        The input is checked and converted, and the output turned into what a caller receives, as on a platform. A handler
        that takes batches is given a batch of one.

        Args:
            input: a JSON value, or bytes or a `Blob` for a binary body.
            on_progress: told the fraction and the message of each `progress`.

        Returns:
            The output; of a generator, an iterator of its pieces.

        Raises:
            InvalidInput: the input does not fit the handler.
            UnserializableOutput: the output has no JSON form.
            Exception: whatever the handler raises.
        """
        from trivet.authoring.local import run

        return run(self, input, on_progress)

    def __repr__(self) -> str:
        return f"<trivet endpoint {self.name!r} ({self.__module__}:{self.__qualname__}, {self.kind})>"

    def __reduce__(self) -> str:
        return str(self.__qualname__)  # pickled by name, as functions and classes are


class FunctionEndpoint(Endpoint, Generic[P, R]):
    """A decorated function. Calling it calls the function."""

    def __init__(self, target: Callable[P, R], settings: dict[str, Any]) -> None:
        assert isinstance(target, FunctionType)
        super().__init__(target, target, settings)
        self.__wrapped__ = target

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls the author's function as it is."""
        return self.target(*args, **kwargs)  # type: ignore[no-any-return]  # the target's own type says it


class ClassEndpoint(Endpoint, Generic[T]):
    """A decorated class. Calling it makes an instance; ``setup`` is not called then."""

    is_class = True

    def __init__(self, target: type[T], settings: dict[str, Any]) -> None:
        super().__init__(target, _handler_of(target), settings)

    def __call__(self, *args: Any, **kwargs: Any) -> T:
        """Makes an instance of the author's class."""
        return self.target(*args, **kwargs)  # type: ignore[no-any-return]  # the target's own type says it

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type[T]]:
        """Lets another class inherit from the decorated one."""
        return (self.target,)


Policy = Literal["queue_delay", "request_count"]


class Decorator:
    """The decorator with its settings, waiting for what it decorates."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings

    @overload
    def __call__(self, target: type[T]) -> ClassEndpoint[T]: ...  # type: ignore[overload-overlap]  # a class is callable too
    @overload
    def __call__(self, target: Callable[P, R]) -> FunctionEndpoint[P, R]: ...
    def __call__(self, target: Any) -> Endpoint:
        """Decorates.

        Raises:
            TypeError: when ``target`` is neither a function nor a class with a handler.
        """
        if isinstance(target, Endpoint):
            raise TypeError(f"{target!r} is an endpoint already; decorate it once")
        if isinstance(target, type):
            return ClassEndpoint(target, self._settings)
        if isinstance(target, FunctionType):
            return FunctionEndpoint(target, self._settings)
        raise TypeError(
            f"@trivet.endpoint goes above a function (def) or a class, not on {type(target).__name__} {target!r}"
        )


@overload
def endpoint(target: type[T], /) -> ClassEndpoint[T]: ...  # type: ignore[overload-overlap]  # a class is callable too
@overload
def endpoint(target: Callable[P, R], /) -> FunctionEndpoint[P, R]: ...
@overload
def endpoint(
    *,
    name: str | None = None,
    description: str | None = None,
    workers: int | tuple[int, int] | None = None,
    concurrency: int | None = None,
    timeout: float | None = None,
    ttl: float | None = None,
    idle_timeout: float | None = None,
    max_attempts: int | None = None,
    retry_on: Sequence[str] | None = None,
    backoff: float | None = None,
    retention: float | None = None,
    max_batch_size: int | None = None,
    batch_wait: float | None = None,
    memory: str | int | None = None,
    gpu: str | int | None = None,
    requirements: Sequence[str] | None = None,
    secrets: Sequence[str] | None = None,
    policy: Policy | None = None,
    target: float | None = None,
) -> Decorator: ...
def endpoint(*decorated: Any, **settings: Any) -> Any:
    """Marks a function, or a class with a handler method, as an endpoint.

    Use it plain (``@trivet.endpoint``) or with settings (``@trivet.endpoint(timeout=60)``). What is decorated stays usable:
    a function can still be called, a class still makes instances. A class has its handler in ``__call__`` (or ``predict``),
    may load what it needs in ``setup`` (called once per worker) and give it back in ``teardown``.

    Args:
        decorated: the function or class, where the decorator stands without parentheses.
        settings: all of them optional.
            ``name``: without the owner; default: the name of the function or class.
            ``description``: default: the docstring.
            ``workers``: ``(min, max)``, or the maximum alone.
            ``concurrency``: jobs that one worker runs at a time; default 1.
            ``timeout``: seconds that one attempt may run; default 600.
            ``ttl``: seconds that a job may live, from its submission, before it is given up.
            ``idle_timeout``: seconds that an idle worker is kept.
            ``max_attempts``: how often a job is tried at most; default 3.
            ``retry_on``: what is followed by another attempt, a list of ``"worker_lost"`` (which covers a worker that ran out
            of memory), ``"handler_error"``, ``"execution_timeout"``, or types of exceptions by name, such as
            ``"ConnectionError"`` and ``"requests.exceptions.Timeout"``; default ``["worker_lost"]``.
            ``backoff``: seconds before the second attempt, doubled for each one after it, an hour at most; default 0.
            ``retention``: seconds that a job can be looked up after its end; default: as long as the platform keeps jobs.
            ``max_batch_size``: above 1, the handler takes one list of up to so many inputs and returns a list with an output
            for each; default 1.
            ``batch_wait``: seconds that the first input of a batch waits for company; default 0.005.
            ``memory``: per worker, in bytes or as text such as ``"512MiB"``.
            ``gpu``: a kind of GPU, or how many.
            ``requirements``: packages to install, as pip writes them.
            ``secrets``: names of stored secrets that become environment variables.
            ``policy`` and ``target``: what scaling looks at (``queue_delay`` in seconds, or ``request_count``) and the
            value to keep below.

    Raises:
        TypeError: for a setting that does not exist or is of the wrong type, and for something that can't be decorated.
        ValueError: for a setting out of range.
    """
    decorator = Decorator(checked(settings))
    if not decorated:
        return decorator
    if len(decorated) > 1 or settings:
        raise TypeError("endpoint() takes settings by name, for example @trivet.endpoint(timeout=60)")
    return decorator(decorated[0])


def _handler_of(target: type) -> FunctionType:
    for name in _METHODS:
        method = getattr(target, name, None)
        if isinstance(method, FunctionType):
            if not unwrapped(method).__code__.co_argcount:
                raise TypeError(f"{target.__qualname__}.{name} takes no self; make it an ordinary method")
            return method
    raise TypeError(
        f"the class {target.__qualname__} has no handler: give it a method __call__(self, …), or predict(self, …)"
    )
