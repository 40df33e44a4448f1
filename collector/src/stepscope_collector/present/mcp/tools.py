"""All tools, in the order in which clients list them."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from typing import Any, Final

from stepscope_collector.errors import PermissionDenied, StepscopeError
from stepscope_collector.present.mcp.analysis import ANALYSIS_TOOLS
from stepscope_collector.present.mcp.budget import LEAST_TOKENS, fit
from stepscope_collector.present.mcp.deleting import DELETING_TOOLS
from stepscope_collector.present.mcp.executions import EXECUTION_TOOLS
from stepscope_collector.present.mcp.failure import FAILURE_TOOLS
from stepscope_collector.present.mcp.handles import HANDLE_TOOLS
from stepscope_collector.present.mcp.saved import PREFIX, saved_tools
from stepscope_collector.present.mcp.sql import SQL_TOOLS
from stepscope_collector.present.mcp.tool import Argument, Asker, Tool
from stepscope_collector.query.nearest import unknown

__all__ = ["TOOLS", "all_tools", "call_tool", "schema_of"]

TOOLS: Final = {
    tool.name: tool
    for tool in (*HANDLE_TOOLS, *EXECUTION_TOOLS, *FAILURE_TOOLS, *ANALYSIS_TOOLS, *SQL_TOOLS)
}
"""Those that read."""
_DELETING: Final = {tool.name: tool for tool in DELETING_TOOLS}

Open = Callable[[bool], AbstractContextManager[Asker]]
"""From whether something is to be deleted: somebody to ask."""


def schema_of(tool: Tool, max_tokens: int) -> dict[str, Any]:
    """JSON Schema of a tool's arguments, the budget among them."""
    schema = tool.schema()
    schema["properties"]["max_tokens"] = _budget(max_tokens).schema()
    return schema


def call_tool(
    open_asker: Open,
    name: str,
    given: Mapping[str, Any],
    max_tokens: int,
    *,
    may_delete: bool = False,
) -> str:
    """The answer of a tool as JSON, within its budget.

    Args:
        open_asker: somebody to ask, for this one call.
        name: of the tool.
        given: its arguments; max_tokens among them goes before the parameter.
        max_tokens: budget.
        may_delete: whether there are the tools that delete.

    Raises:
        StepscopeError: an unknown tool, wrong arguments, or what the read API says.
    """
    own = dict(given)
    if (asked := own.pop("max_tokens", None)) is not None:
        max_tokens = _budget(max_tokens).check(asked)
    if name in _DELETING and not may_delete:
        raise PermissionDenied(
            f"tool {name} is switched off",
            hint="the setting mcp.allow_delete = true switches it on",
        )
    known = TOOLS.get(name) or _DELETING.get(name)
    if known is not None:
        known.check(own)  # before anything is opened
    with open_asker(known is not None and known.is_deleting) as asker:
        tool = known or _saved(asker, name)
        return fit(tool.answer(asker, tool.check(own)), max_tokens)


def all_tools(open_asker: Open, *, may_delete: bool = False) -> list[Tool]:
    """The tools, and one for each saved query as far as somebody can be asked for them."""
    tools = [*TOOLS.values(), *(_DELETING.values() if may_delete else ())]
    with suppress(StepscopeError), open_asker(False) as asker:
        return [*tools, *saved_tools(asker)]
    return tools


def _saved(asker: Asker, name: str) -> Tool:
    if not name.startswith(PREFIX):
        raise unknown("tool", name, TOOLS)
    known = {tool.name: tool for tool in saved_tools(asker)}
    if name not in known:
        raise unknown("tool", name, [*TOOLS, *known])
    return known[name]


def _budget(max_tokens: int) -> Argument:
    return Argument(
        "max_tokens",
        "Length of the answer at most; what is cut stands in `cut` with the way to the rest.",
        "integer",
        max_tokens,
        minimum=LEAST_TOKENS,
        maximum=1_000_000,
    )
