"""Rows of the ledger that are about words: those of five older designs and ours, both ways."""

import pytest

from stepscope_collector.query.executions import execution_page
from tests.strategies.workflows import NOW_NS, T0, execution, marker, step
from tests.unit.collector.query.history import NOW_NS as HISTORY_NS
from tests.unit.collector.query.history import add_execution, add_span, open_memory
from tests.unit.collector.taking import payload, taking

CANONICAL = {
    # canonical: words of 000, 001, 002, 003 for executions, of 004 for components
    "success": ("success", "success", "Completed", "success", "completed"),
    "partial": ("success", "success", "Completed", "partial", "completed"),
    "failed": ("error", "error", "Failed", "failed", "failed"),
    "timed_out": ("error", "error", "Failed", "failed", "failed"),
    "cancelled": ("error", "error", "Failed", "failed", "failed"),
    "queued": ("running", "pending", "NotStarted", "queued", "pending"),
    "running": ("running", "running", "Running", "running", "running"),
    "retrying": ("running", "running", "Running", "running", "retrying"),
}
WORDS = {
    "success": ("success", "Completed", "completed", "SUCCESS", "Succeeded"),
    "failed": ("error", "Failed", "failed", "failure", "ERROR"),
    "queued": ("pending", "NotStarted", "queued", "new"),
    "running": ("running", "Running", "executing"),
    "partial": ("partial", "warning"),
    "retrying": ("retrying", "up_for_retry"),
    "timed_out": ("TimedOut", "timeout", "timed_out"),
    "cancelled": ("canceled", "Terminated", "killed", "cancelled"),
    "skipped": ("skipped", "skip", "upstream_failed"),
    "lost": ("crashed", "zombie", "lost"),
}


def test_r061_every_status_has_a_word_in_each_older_design() -> None:
    """R005, R061, R097, R114: canonical to theirs, as their programs read it."""
    with open_memory() as database:
        writer = database.writer()
        for status in CANONICAL:
            has_ended = status not in {"queued", "running", "retrying"}
            add_execution(
                writer, status, status=status, started_unix_nano=HISTORY_NS, workflow_id="w",
                final_end_unix_nano=HISTORY_NS + 10 if has_ended else None,
                last_seen_unix_nano=2**63,
            )  # fmt: skip
            add_span(writer, status, 7, step_id="s", status=status)
        views = (
            ("compat_000.workflow_executions", "id"),
            ("compat_001.executions", "id"),
            ("compat_002.executions", "id"),
            ("compat_003.workflow_executions", "id"),
            ("compat_004.component_executions", "workflow_execution_id"),
        )
        for place, (view, key) in enumerate(views):
            told = dict(writer.execute(f"select {key}, status from {view}").fetchall())
            assert told == {status: words[place] for status, words in CANONICAL.items()}, view


@pytest.mark.parametrize("status", WORDS)
def test_r005_words_of_older_designs_are_taken_for_ours(status: str) -> None:
    """R005, R061: theirs to canonical; a filter on a word finds exactly what has its status."""
    with open_memory() as database:
        writer = database.writer()
        for each in WORDS:
            is_open = each in {"queued", "running", "retrying"}
            add_execution(
                writer, each, status=each, started_unix_nano=HISTORY_NS,
                final_end_unix_nano=None if is_open else HISTORY_NS + 10,
                last_seen_unix_nano=2**63,
            )  # fmt: skip
        for word in WORDS[status]:
            for asked in ({"status": word}, {"filter": f"status = {word}"}):
                found = execution_page(database, asked, now_ns=HISTORY_NS).executions
                assert [row.execution_id for row in found] == [status], asked
            ((taken,),) = writer.execute("select canonical_status($1)", [word]).fetchall()
            assert taken == status


TRIGGERS = (
    "webhook",
    "schedule",
    "manual",
    "db_change",
    "internal_event",
    "carrier pigeon",
    "Ünï",
)


@pytest.mark.parametrize("word", TRIGGERS)
def test_r007_a_trigger_comes_back_as_it_was_told(word: str) -> None:
    """R007: all five of 000; one that nobody knows is kept verbatim, not refused."""
    with taking() as t:
        t.take(payload(execution("w", "E", end=5, attributes={"workflow.trigger.type": word})))
        assert t.rows("select trigger_type from executions") == [(word,)]
        assert t.rows("select trigger_type from compat_000.workflow_executions") == [(word,)]
        page = execution_page(t.database, {"trigger": word}, now_ns=NOW_NS)
        assert [row.execution_id for row in page.executions] == ["E"]


def test_r006_a_skipped_step_is_told_apart_from_a_success() -> None:
    """R006: stored with no duration, found, counted and shown as skipped; so is a whole execution."""
    with taking() as t:
        t.take(
            payload(
                execution("w", "E", end=9),
                step("done", "E", start=1, end=2, parent="w"),
                step("left out", "E", outcome="skip", start=2, end=2, parent="w"),
                execution("w", "F", outcome="skip", end=0, trace="f"),
            )
        )
        assert t.rows("select step_name, status, duration_ns from steps order by step_index") == [
            ("done", "success", 10**6), ("left out", "skipped", 0),
        ]  # fmt: skip
        for text, found in (("step(status = skipped)", ["E"]), ("status = skipped", ["F"])):
            page = execution_page(t.database, {"filter": text}, now_ns=NOW_NS, is_counted=True)
            assert [row.execution_id for row in page.executions] == found
        page = execution_page(t.database, {}, now_ns=NOW_NS, is_counted=True)
        assert page.counts is not None
        assert {row.status: row.count for row in page.counts} == {"success": 1, "skipped": 1}
        assert t.rows("select step_name, count, success, failed from step_stats order by all") == [
            ("done", 1, 1, 0), ("left out", 1, 0, 0),
        ]  # fmt: skip


def test_r015_what_comes_late_never_opens_what_has_ended() -> None:
    """R015: whatever order markers, steps and the end come in, the end stays and nothing is forgotten."""
    whole = execution("w", "E", end=40, attributes={"enduser.id": "ann", "process.exit.code": 3})
    beat = marker(whole, at=20, phase="heartbeat")
    with taking() as t:
        for sent in (whole, marker(whole, at=1), beat, step("s", "E", start=1, end=30, parent="w")):
            t.take(payload(sent))
            assert t.rows(
                "select status, epoch_ns(ended_at), user_id, exit_code, span_count > 0 from executions"
            ) == [("success", T0 + 40 * 10**6, "ann", 3, True)]
