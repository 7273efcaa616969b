"""What is looked after by GraphQL: endpoints, templates, pods, GPUs, the account. Modules are imported when they are used."""

from __future__ import annotations


def __getattr__(name: str) -> object:
    if name not in {"ctl_commands", "graphql"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return import_module(f"{__name__}.{name}")
