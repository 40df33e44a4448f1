"""The filter language: text → typed tree → bound SQL over view `executions` as `e`.

`compile_filter(text, now_ns)` is all that a face needs; docs/filters.md is the grammar.
"""

from stepscope_collector.query.filter.compiler import (
    Bounds,
    Condition,
    compile_filter,
    compile_tree,
)
from stepscope_collector.query.filter.parser import parse_field, parse_filter

__all__ = ["Bounds", "Condition", "compile_filter", "compile_tree", "parse_field", "parse_filter"]
