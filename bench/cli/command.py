"""What was asked for, as it was understood: the command that is stored with the results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer


def told(context: typer.Context) -> str:
    """The verb with its arguments, and the options that differ from what they are by themselves.

    Built from the values that were parsed, not from what was typed: a password in an odd place would slip through.
    """
    from trustdm.bench.provenance import command_line, value_text

    words, options = context.command_path.split(), list[tuple[str, object]]()
    for parameter in context.command.params:
        value = context.params.get(str(parameter.name))
        if parameter.param_type_name == "argument":
            words += map(value_text, _each(value))
        elif value != parameter.default:
            options += _given(parameter, value)
    return command_line(words, options)


def _given(parameter: Any, value: object) -> Iterator[tuple[str, object]]:
    """The option with each of its values; of a switch the spelling that says which way."""
    if isinstance(value, bool):
        names = parameter.opts if value else parameter.secondary_opts
        yield from ((name, True) for name in names[:1])
    else:
        yield from ((parameter.opts[0], one) for one in _each(value))


def _each(value: object) -> list[object]:
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]
