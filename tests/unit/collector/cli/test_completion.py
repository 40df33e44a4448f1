"""What completion offers."""

import pytest

from stepscope_collector.cli.completion import Words, complete, is_whole

WORDS = Words.of(
    [
        ("relation", "executions", None),
        ("relation", "execution_logs", None),
        ("relation", "stored.spans", None),
        ("column", "execution_id", "executions"),
        ("column", "status", "executions"),
        ("column", "started_at", "executions"),
        ("column", "execution_id", "execution_logs"),
        ("column", "severity_text", "execution_logs"),
        ("column", "name", "stored.spans"),
        ("function", "canonical_status", None),
        ("function", "strftime", None),
        ("keyword", "select", None),
    ]
)


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("select * from ", {"executions", "execution_logs", "stored.spans"}),
        ("select * from execution_", {"execution_logs"}),
        ("from executions, ex", {"executions", "execution_logs"}),
        ("describe st", {"stored.spans"}),
        ("select sev", {"severity_text"}),
        ("select st", {"status", "started_at", "strftime", "stored.spans"}),
        ("from executions e where e.st", {"status", "started_at"}),
        ("from executions as e join execution_logs l using (execution_id) where l.", {"execution_id", "severity_text"}),
        ("select executions.st", {"status", "started_at"}),
        ("from execution_logs where ", {"execution_id", "severity_text"}),
        ("from stored.", {"spans"}),
        ("from stored.spans where na", {"name"}),
        ("SEL", {"select"}),
        ("select canon", {"canonical_status"}),
        ("from executions where status = 'st", set()),
        ("from executions where status = 'x' and sta", {"status", "started_at"}),
        ("select nothing_like_this", set()),
    ],
)  # fmt: skip
def test_words_that_fit_the_place_are_offered(text: str, offered: set[str]) -> None:
    """issue #7: completion of tables, columns, macros, keywords."""
    found = list(complete(WORDS, text))
    assert {word for word, _, _ in found} == offered
    for word, _, begun in found:
        assert word.lower().startswith(text[len(text) - begun :].lower())


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("select 1;", True), ("select 1 ; \n", True), ("select 1", False), ("select 'a;", False),
        ("select 'a;'", False), ("select 'it''s;';", True), ('select ";', False), ("select 1 -- x;", False),
        ("select 1 -- it's\n;", True), ("select 1 /* x;", False), ("select /* ; */ 1;", True),
        ("select $$a;", False), ("select $$a;$$;", True), ("select $status;", True), ("select e'\\';';", True),
        (";", True),
    ],
)  # fmt: skip
def test_a_statement_ends_with_a_semicolon_outside_of_quotes(text: str, whole: bool) -> None:
    """issue #7: the interactive shell takes statements of several lines."""
    assert is_whole(text) is whole
