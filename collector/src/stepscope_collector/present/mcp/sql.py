"""Tools for questions in SQL: what there is to ask, and asking."""

from collections.abc import Mapping
from typing import Any, Final

from stepscope_collector.present.mcp.tool import Answer, Argument, Asker, Document, Tool
from stepscope_collector.query.nearest import unknown
from stepscope_schema.columns import Relation, relations
from stepscope_schema.load import load_schema

__all__ = ["SQL_TOOLS", "sql_answer"]

_NOTES: Final = (
    "DuckDB SQL. Times are UTC, durations whole nanoseconds (duration_ns / 1e9 is seconds). "
    "A failure is status in ('failed', 'timed_out')."
)


def _describe(_: Asker, given: Mapping[str, Any]) -> Answer:
    # Views of main are what people ask; those that older designs had under the same names stand in
    # schemas of their own, and are told on request.
    named = {_name(each): each for each in relations()}
    known = {name: each for name, each in named.items() if each.schema == "main"}
    macros = {each.name: each for each in load_schema().of("macros")}
    document: Document = {"notes": _NOTES}
    if "name" in given:
        name = given["name"]
        if name in macros:
            return Answer({"macro": name, "ddl": macros[name].sql})
        if (found := named.get(name)) is None:
            raise unknown("view, table or macro", name, [*named, *macros])
        return Answer({**document, "ddl": _ddl(found)})
    document["views"] = [
        {"name": each.name, "meaning": each.meaning, "columns": [c.name for c in each.columns]}
        for each in known.values()
    ]
    document["macros"] = [{"name": each.name, "meaning": each.header} for each in macros.values()]
    document["more"] = "describe_schema(name='executions') tells types and meanings of the columns"
    how = "describe_schema(name=…) tells one; names: "
    return Answer(
        document,
        {
            "views": lambda kept: how + ", ".join(list(known)[kept:]),
            "macros": lambda kept: how + ", ".join(list(macros)[kept:]),
        },
    )


def _name(relation: Relation) -> str:
    return relation.name if relation.schema == "main" else f"{relation.schema}.{relation.name}"


def _ddl(relation: Relation) -> str:
    """The relation as DDL: names, types and meanings of its columns, without how a view is made."""
    lines = [f"  {each.name} {each.type}, -- {each.meaning}" for each in relation.columns]
    return "\n".join(
        [f"-- {relation.meaning}", f"create {relation.kind} {_name(relation)} (", *lines, ")"]
    )


def _run(asker: Asker, given: Mapping[str, Any]) -> Answer:
    found = asker.sql(given["sql"], given.get("params"), given["max_rows"])
    return sql_answer(found, given["max_rows"])


def sql_answer(found: Document, max_rows: int) -> Answer:
    """The answer of the read API to a statement, as that of a tool."""
    document: Document = {
        "columns": [f"{each['name']} {each['type']}" for each in found["columns"]],
        "rows": found["rows"],
        "row_count": found["row_count"],
        "elapsed_ms": found["elapsed_ms"],
    }
    if found["is_truncated"]:
        document["more"] = f"there are more than {max_rows} rows: {_LESS}, or max_rows"
    return Answer(document, {"rows": lambda kept: f"{_LESS}; or offset {kept}"})


_LESS: Final = "aggregate, select fewer columns, or use limit and offset with an order by"

SQL_TOOLS: Final = (
    Tool(
        "describe_schema",
        "What run_sql can ask: views with their columns and meanings, and macros; with `name` the DDL "
        "of one, with the type and meaning of every column.",
        (Argument("name", "View, macro, or table (stored.spans)."),),
        _describe,
    ),
    Tool(
        "run_sql",
        "One SQL statement that reads (DuckDB), such as: select status, count(*) from executions "
        "group by all. describe_schema tells the views. Values go into `params` as $name.",
        (
            Argument("sql", "The statement.", is_required=True),
            Argument("params", "Values of its $name parameters.", "object"),
            Argument("max_rows", "Rows at most.", "integer", 200, minimum=1, maximum=10_000),
        ),
        _run,
    ),
)
