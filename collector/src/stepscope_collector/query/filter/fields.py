"""The fields of the filter language, as data: where the values of each stand.

`e` is a row of view `executions`. Rows of `step(…)`, `attempt(…)` and `log(…)` are `s`, `a` and `l`.
"""

from functools import cache
from typing import Final

from stepscope_collector.query.filter.syntax import Field, Kind, Place, Rows

__all__ = ["EXECUTION", "ROWS", "named", "paths"]

_RESOURCE: Final = (
    "select s.execution_id from {spans} s join stored.resources r using (resource_id) where {}"
)
_TAGS: Final = "len(list_filter(from_json(e.tags, '[\"VARCHAR\"]'), lambda t: {})) > 0"
_OWN: Final = "select x.execution_id from executions x where {}"
_TRACES: Final = "select t.execution_id from stored.traces t where {}"
_SPANS: Final = "select s.execution_id from {spans} s where {}"
_ATTEMPTS: Final = "select a.execution_id from {attempts} a where {}"
_STEPS: Final = "select s.execution_id from {steps} s where {}"
# Senders that write JSON in ASCII only have \u escapes where people see letters.
_BODY: Final = (
    "case when contains(p.body, '\\u') then concat(p.body, ' ',"
    " case when json_valid(p.body) then cast(json(p.body) as varchar) end) else p.body end"
)
_AT_PATH: Final = "json_extract_string(case when json_valid(p.body) then p.body end, {path})"
_LOGS: Final = (
    "select l.execution_id from stored.log_records l where l.execution_id is not null and {}"
    " union all"
    " select s.execution_id from stored.log_records l"
    " join {spans} s on s.trace_id = l.trace_id and s.span_id = l.span_id"
    " where l.execution_id is null and s.live_phase is null and {}"
)
_PAYLOADS: Final = "select p.execution_id from {payloads} p where p.kind in (kinds) and {}"
_OF_STEP: Final = (
    "exists (select 1 from {payloads} p where p.execution_id = s.execution_id"
    " and p.span_id = s.span_id and p.kind in (kinds) and {})"
)


def _payloads(kinds: str, select: str = _PAYLOADS) -> str:
    return select.replace("kinds", kinds)


def _field(  # noqa: PLR0913 the row of a table
    name: str,
    kind: Kind,
    columns: str | tuple[str, ...],
    meaning: str,
    example: str,
    *,
    aliases: tuple[str, ...] = (),
    within: str = "{}",
    ids: str = "",
    order: str = "",
) -> Field:
    """A field whose values stand in one place; `order` `=`: it sorts by its only column."""
    listed = (columns,) if isinstance(columns, str) else columns
    order = listed[0] if order == "=" else order
    return Field(name, kind, (Place(listed, within, ids),), meaning, example, aliases, order)


_ERRORS: Final = (
    Place(("x.error_type", "x.error_message"), ids=_OWN),
    Place(("a.error_type", "a.error_message"), ids=_ATTEMPTS),
)

EXECUTION: Final = (
    _field("id", "text", "e.execution_id", "Id of the execution.", 'id = "0192f0c1-7e2a"',
           aliases=("execution_id",), order="="),
    _field("workflow", "text", ("e.workflow_id", "e.workflow_name"),
           "Id or name of the workflow.", "workflow = checkout",
           aliases=("workflow_id", "workflow_name"), order="e.workflow_name"),
    _field("name", "text", "e.execution_name", "The sender's own name for the execution.",
           "name ~ nightly", aliases=("execution_name",), order="="),
    _field("status", "status", "e.status",
           "Canonical status, or an engine's word for it.", "status in (failed, timed_out)",
           order="="),
    _field("native_status", "text", "e.status_native", "The engine's own word for the status.",
           "native_status = up_for_retry", aliases=("status_native",), order="="),
    _field("trigger", "trigger", "e.trigger_type", "What started it, or another word for it.",
           "trigger = schedule",
           aliases=("trigger_type",), order="="),
    _field("user", "text", "e.user_id", "Who it ran for.", "user = user-42",
           aliases=("user_id",), order="="),
    _field("session", "text", "e.session_id", "Session or conversation it belongs to.",
           "session = chat-7", aliases=("session_id",), order="="),
    _field("project", "text", "e.project", "Project of the workflow.", "project != shop",
           order="="),
    _field("version", "text", "e.workflow_version", "Version of the workflow.",
           "version in (2.3.0, 2.3.1)", aliases=("workflow_version",), order="="),
    _field("tag", "text", "t", "One of its tags.", "tag = nightly and not tag = eu",
           aliases=("tags",), within=_TAGS),
    _field("engine", "text", "e.dialect", "Profile that mapped its spans.", "engine = temporal",
           aliases=("dialect",), order="="),
    _field("service", "text", "e.service_name", "service.name of the sender.",
           "service = billing", aliases=("service_name",), order="="),
    _field("host", "text", "r.attributes['host.name']", "host.name of a sender of its spans.",
           "host = worker-3", ids=_RESOURCE),
    _field("error_type", "text", "e.error_type", "Class of the error that ended it.",
           "error_type = ValueError", order="="),
    _field("error_message", "text", "e.error_message", "Message of that error.",
           'error_message ~ "timed out"', order="="),
    _field("exit_code", "number", "e.exit_code", "Exit code of the process it stood for.",
           "exit_code != 0 and exit_code != none", order="="),
    _field("start", "time", "e.started_at", "When it started.", "start > -2h",
           aliases=("started_at", "started"), order="="),
    _field("end", "time", "e.ended_at", "When it ended.", "end = today",
           aliases=("ended_at", "ended"), order="="),
    _field("queued", "time", "e.queued_at", "When it was queued.", "queued < now-1h",
           aliases=("queued_at",), order="="),
    _field("seen", "time", "e.last_seen_at", "Newest sign of life.", "seen < -10m",
           aliases=("last_seen_at",), order="="),
    _field("ingested", "time", "e.ingested_at", "When the first of it was committed.",
           "ingested >= 2026-07-24T10:00:00Z", aliases=("ingested_at",), order="="),
    _field("updated", "time", "e.updated_at", "When the newest of it was committed.",
           "updated > -1m", aliases=("updated_at",), order="="),
    _field("duration", "duration", "e.duration_ns", "From start to end.",
           "duration = 1s..1m30s", aliases=("duration_ns",), order="="),
    _field("wait", "duration", "e.wait_ns", "From the queue to the start.", "wait > 5s",
           aliases=("wait_ns",), order="="),
    _field("attempts", "number", "e.attempt_count", "Attempts of steps that have ended.",
           "attempts > 10", aliases=("attempt_count",), order="="),
    _field("failed_attempts", "number", "e.failed_attempt_count",
           "Those of them that failed or timed out.", "failed_attempts = 1..3",
           aliases=("failed_attempt_count",), order="="),
    _field("tries", "number", "e.try_count", "Tries of the whole execution that were told.",
           "tries >= 2", aliases=("try_count",), order="="),
    _field("spans", "number", "e.span_count", "Spans that have ended.", "spans > 1000",
           aliases=("span_count",), order="="),
    _field("parent", "text", "e.parent_execution_id", "Execution that started it.",
           "parent = none", aliases=("parent_execution_id",), order="="),
    _field("root", "text", "e.root_execution_id", "Top of its tree of executions.",
           'root = "0192f0c1-7e2a"', aliases=("root_execution_id",), order="="),
    _field("retry_of", "text", "e.retry_of_execution_id", "Execution that it runs again.",
           "retry_of != none", aliases=("retry_of_execution_id",), order="="),
    _field("continued_from", "text", "e.continued_from_execution_id",
           "Execution whose work it goes on with.", "continued_from = none",
           aliases=("continued_from_execution_id",), order="="),
    _field("trace", "trace", "t.trace_id", "One of its traces; 32 hex digits.",
           "trace = 0af7651916cd43dd8448eb211c80319c", aliases=("trace_id",), ids=_TRACES),
    _field("step", "text", ("a.step_name", "a.step_id"), "Name or id of one of its steps.",
           "step = pay", ids=_ATTEMPTS),
    _field("unexpected_retries", "number",
           "(select count(*) from attempts a where a.execution_id = e.execution_id"
           " and a.status in ('failed', 'timed_out') and a.is_expected_retry = false)",
           "Failed attempts whose error the retry policy did not expect.",
           "unexpected_retries > 0"),
    _field("never_succeeded_later", "flag",
           "(select max(x.started_at) from executions x where x.workflow_id = e.workflow_id"
           " and x.status = 'success') > e.started_at",
           "No execution of the same workflow that started later succeeded.",
           "status = failed and never_succeeded_later", within="({}) is not true"),
    Field("error", "search", _ERRORS, "Type and message of its error and those of its attempts.",
          'error ~ "card declined"'),
    _field("log", "search", "l.body", "Its log records.", 'log ~ "out of memory"',
           aliases=("logs",), ids=_LOGS),
    _field("params", "search", _BODY, "Its params, as JSON.", "params ~ Zürich",
           aliases=("param",), ids=_payloads("'params'")),
    _field("input", "search", _BODY, "Inputs of it and of its steps.", "input ~ order-17",
           aliases=("inputs",), ids=_payloads("'input', 'trigger'")),
    _field("output", "search", _BODY, "Outputs of it and of its steps.", 'output ~ "東京"',
           aliases=("outputs",), ids=_payloads("'output'")),
    Field(
        "text", "search",
        (
            Place(
                ("x.execution_id", "x.workflow_id", "x.workflow_name", "x.execution_name"), ids=_OWN
            ),
            *_ERRORS,
            Place(("a.step_name",), ids=_ATTEMPTS),
            Place(("l.body",), ids=_LOGS),
            Place((_BODY,), ids=_payloads("'params', 'input', 'output', 'trigger'")),
        ),
        "Ids, names, steps, errors, logs, params, inputs and outputs.", 'text ~ "zoë"',
    ),
    _field("params", "path", _AT_PATH, "A value in its params.", 'params.customer = "42"',
           aliases=("param",), ids=_payloads("'params'")),
    _field("input", "path", _AT_PATH, "A value in an input of it or of one of its steps.",
           "input.items.0.sku = A-17", aliases=("inputs",), ids=_payloads("'input'")),
    _field("output", "path", _AT_PATH, "A value in an output of it or of one of its steps.",
           "output.total > 99.5", aliases=("outputs",), ids=_payloads("'output'")),
    Field(
        "attributes", "path",
        (
            Place(("s.attributes[{path}]",), ids=_SPANS),
            Place(
                ("case when p.key = {path} then p.body end",),
                ids=_payloads("'attribute'"),
            ),
        ),
        "An attribute of one of its spans.", 'attributes."my.key" = "42"', ("attribute",),
    ),
    _field("resource", "path", "r.attributes[{path}]", "A resource attribute of one of its spans.",
           "resource.k8s.pod.name ~ worker", ids=_RESOURCE),
)  # fmt: skip


def _try_fields(name: str, row: str) -> tuple[Field, ...]:
    """What steps and attempts have both."""
    return (
        _field("name", "text", (f"{row}.step_name", f"{row}.step_id"), "Its name or id.",
               f"{name}(name = pay)", aliases=("step_name", "id", "step_id")),
        _field("type", "text", f"{row}.step_type", "Its kind.", f"{name}(type = tool)",
               aliases=("step_type",)),
        _field("index", "number", f"{row}.step_index", "Its place among the steps, from 0.",
               f"{name}(index = 0)", aliases=("step_index",)),
        _field("status", "status", f"{row}.status", "Its status.", f"{name}(status = failed)"),
        _field("error_type", "text", f"{row}.error_type", "Class of its error.",
               f"{name}(error_type = ValueError)"),
        _field("error_message", "text", f"{row}.error_message", "Message of its error.",
               f"{name}(error_message ~ declined)"),
        _field("error", "search",
               (f"{row}.error_type", f"{row}.error_message", f"{row}.error_stack"),
               "Type, message and stack of its error.", f'{name}(error ~ "line 42")'),
        _field("start", "time", f"{row}.started_at", "When it started.", f"{name}(start > -1h)",
               aliases=("started_at", "started")),
        _field("end", "time", f"{row}.ended_at", "When it ended.", f"{name}(end = none)",
               aliases=("ended_at", "ended")),
        _field("duration", "duration", f"{row}.duration_ns", "From start to end.",
               f"{name}(name = pay and duration > 2s)", aliases=("duration_ns",)),
        _field("wait", "duration", f"{row}.wait_ns", "From the queue to the start.",
               f"{name}(wait > 1s)", aliases=("wait_ns",)),
        _field("max_attempts", "number", f"{row}.max_attempts", "Tries its retry policy allows.",
               f"{name}(max_attempts = none)"),
    )  # fmt: skip


ROWS: Final = (
    Rows(
        "step",
        (
            *_try_fields("step", "s"),
            _field("attempts", "number", "s.attempt_count", "Its attempts.",
                   "step(attempts > 1 and status = success)", aliases=("attempt_count",)),
            _field("input", "path", _AT_PATH, "A value in its input.",
                   "step(name = pay and input.amount > 100)", within=_payloads("'input'", _OF_STEP)),
            _field("output", "path", _AT_PATH, "A value in its output.",
                   "step(name = pay and output.total > 99.5)", within=_payloads("'output'", _OF_STEP)),
        ),
        _STEPS,
        "One of its steps, as its last attempt left it.",
        frozenset({"attempts", "index", "wait", "input", "output"}),
    ),
    Rows(
        "attempt",
        (
            *_try_fields("attempt", "a"),
            _field("attempt", "number", "a.attempt", "Number of the try, from 1.",
                   "attempt(attempt = 3 and status = failed)", aliases=("number",)),
            _field("expected", "flag", "a.is_expected_retry",
                   "The retry policy expected its error.",
                   "attempt(status = failed and not expected)", aliases=("is_expected_retry",)),
        ),
        _ATTEMPTS,
        "One try of one of its steps.",
    ),
    Rows(
        "log",
        (
            _field("body", "text", "l.body", "Its text.", "log(body ~ declined)"),
            _field("severity", "severity", "l.severity_number",
                   "Its severity: trace, debug, info, warn, error, fatal, or OTLP's number.",
                   "log(severity >= warn and body ~ disk)", aliases=("severity_number",)),
            _field("event", "text", "l.event_name", "Its event name.", "log(event = order.paid)",
                   aliases=("event_name",)),
            _field("attributes", "path", "l.attributes[{path}]", "One of its attributes.",
                   "log(attributes.order = 17)"),
        ),
        _LOGS,
        "One of its log records.",
    ),
)  # fmt: skip


@cache
def named(fields: tuple[Field, ...]) -> dict[str, Field]:
    """Name or alias → field, of those without path."""
    return {
        name: field
        for field in fields
        if field.kind != "path"
        for name in (field.name, *field.aliases)
    }


@cache
def paths(fields: tuple[Field, ...]) -> dict[str, Field]:
    """Name or alias → field, of those with a path behind the name."""
    return {
        name: field
        for field in fields
        if field.kind == "path"
        for name in (field.name, *field.aliases)
    }
