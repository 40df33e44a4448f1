"""The closed list of reasons is the one the collector uses."""

import ast
from pathlib import Path

import stepscope_collector
from stepscope_collector import errors
from stepscope_schema.rejections import REASONS

SOURCE = Path(stepscope_collector.__file__).parent
NAMES = [reason.name for reason in REASONS]
CODES = {getattr(errors, name).code for name in errors.__all__}


def strings_where_rows_are_refused() -> set[str]:
    return {
        node.value
        for path in (*(SOURCE / "decode").glob("*.py"), SOURCE / "store/log_limit.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def reasons_written_out() -> set[str]:
    """First arguments of `Rejection(...)` that are literals."""
    return {
        node.args[0].value
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Rejection"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }


def test_every_reason_is_used():
    """ours: the reference page promises nothing that cannot happen."""
    assert [name for name in NAMES if name not in strings_where_rows_are_refused() | CODES] == []


def test_no_reason_is_outside_the_list():
    """ours: stored.rejections.reason is a closed list."""
    assert reasons_written_out() <= set(NAMES)


def test_reasons_of_whole_requests_are_codes_of_errors():
    """ours: a request that is refused is recorded under the code its sender is told."""
    refusals = {"payload_undecodable", "payload_too_large"}
    assert refusals <= set(NAMES) & CODES


def test_reason_stands_once():
    """ours: one word per thing."""
    assert len(set(NAMES)) == len(NAMES)
