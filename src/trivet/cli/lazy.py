"""A group of commands that imports a command's module only when that command is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

Sections = Mapping[str, Mapping[str, str]]
"""Heading → command name → ``module:attribute`` of its command, in the order in which help shows them."""


class LazyGroup(click.Group):
    """A click group whose commands live in modules that are not imported before they are needed.

    Args:
        sections: the commands, under the headings of the help page.
    """

    def __init__(self, *args: Any, sections: Sections, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._sections = sections
        self._targets = {name: target for commands in sections.values() for name, target in commands.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands, in the order of the help page."""
        return list(self._targets)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports and returns the command ``cmd_name``, or ``None`` where there is no such command."""
        target = self._targets.get(cmd_name)
        if target is None:
            return None
        module, _, attribute = target.partition(":")
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{target} is no command")
        # Click looks for near misses of a mistyped name among the commands it knows.
        self.commands[cmd_name] = command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's; a name that isn't there is compared with all names, so that the error can suggest one."""
        if args and not args[0].startswith("-") and args[0] not in self._targets:
            for name in self._targets:
                self.get_command(ctx, name)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the commands with one line of help each, under their headings."""
        width = formatter.width - 6 - max(len(name) for name in self._targets)
        for heading, commands in self._sections.items():
            rows = []
            for name in commands:
                command = self.get_command(ctx, name)
                if command is not None and not command.hidden:
                    rows.append((name, command.get_short_help_str(width)))
            with formatter.section(heading):
                formatter.write_dl(rows)
