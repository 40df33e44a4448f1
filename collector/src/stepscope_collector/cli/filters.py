"""The filters of the read API as options: one option per field of its grammar."""

from collections.abc import Callable
from typing import Any

import click

from stepscope_collector.query.filters import FIELDS

__all__ = ["filter_options"]


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add one option per filter; the command gets them by the names of the fields."""
    for name, field in reversed(list(FIELDS.items())):
        text = f"{field.meaning} Example: {field.example}."
        metavar = name.rpartition("_")[2].upper()
        names = [f"--{name.replace('_', '-')}", *(["-f"] if name == "filter" else [])]
        command = click.option(*names, metavar=metavar, help=text)(command)
    return command
