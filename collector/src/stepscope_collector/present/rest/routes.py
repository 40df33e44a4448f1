"""What the read API offers, declared once: the application and /openapi.json are made from it."""

from typing import Final

from stepscope_collector.present.rest.areas import AREA_ROUTES
from stepscope_collector.present.rest.compat import DOCUMENT_PARAMS
from stepscope_collector.present.rest.retention import RETENTION_ROUTES
from stepscope_collector.present.rest.route import FILTERS, Param, Part, Route
from stepscope_collector.present.rest.sql_formats import SQL_FORMATS
from stepscope_collector.query.columns import ChosenExecution
from stepscope_collector.query.executions import DEFAULT_ORDER, INCLUDES, MAX_PAGE
from stepscope_collector.query.explain import SpanExplanation
from stepscope_collector.query.filters import ORDERS
from stepscope_collector.query.rows import (
    Attempt,
    Dialect,
    ErrorStep,
    Execution,
    LogRecord,
    NotEmitted,
    Payload,
    StatusCount,
    Step,
    StepStats,
    Workflow,
    WorkflowStats,
)
from stepscope_collector.remap import RemapProgress
from stepscope_collector.telemetry.prometheus import MEDIA_TYPE as PROMETHEUS_TEXT

__all__ = ["OTHER_ROWS", "ROUTES"]

ROUTES: Final = (
    Route(
        "list_executions", "/api/executions", "Executions in order, a page at a time.",
        (
            *FILTERS,
            Param(
                "order", f"Field to sort by, of {', '.join(ORDERS)}, or a path such as params.customer; a"
                " minus in front turns it round."
                " Rows without value come last.", DEFAULT_ORDER, default=DEFAULT_ORDER,
            ),
            Param(
                "columns", "Only these columns, beside the id: fields, columns of the view, or paths "
                "into params, input, output, attributes and resource.",
                "workflow,duration,params.customer", is_list=True,
            ),
            Param("limit", f"Executions on the page, 1 to {MAX_PAGE}.", "50", "integer", 50),
            Param("cursor", "`next_cursor` of the page before.", "WyItc3RhcnRlZF9hdCIs…"),
            Param("offset", "Executions to pass over; a cursor is quicker.", "0", "integer", 0),
            Param("include", "What to tell beside the page.", "counts", is_list=True, values=("counts",)),
            *DOCUMENT_PARAMS,
        ),
        (
            Part("executions", Execution, "The page."),
            Part("next_cursor", None, "Cursor of the next page; null: this is the last.", False),
            Part(
                "counts", StatusCount, "Executions per status that hold the filters, on all pages.",
                is_optional=True,
            ),
        ),
        errors=(400, 408),
    ),
    Route(
        "get_execution", "/api/executions/{id}",
        "One execution, by its id or by the id of its trace.",
        (Param("include", "What to tell beside it.", "steps,logs", is_list=True, values=INCLUDES),),
        (
            Part("execution", Execution, "The execution.", False),
            Part("error_step", ErrorStep, "The step that made it fail, or null.", False),
            Part("steps", Step, "In order of step_index.", is_optional=True),
            Part("attempts", Attempt, "In order of start.", is_optional=True),
            Part("logs", LogRecord, "In order of sequence.", is_optional=True),
            Part("payloads", Payload, "Inputs, outputs and the like.", is_optional=True),
            Part("children", Execution, "Executions it started.", is_optional=True),
            Part("program", None, "Path of the program it stood for; null: it was no process, or nobody told.", False),
            Part("logs_dropped", None, "Log records that were refused beyond the limits of one execution.", False),
            Part(
                "not_emitted", NotEmitted, "What is missing because the engine does not emit it, as "
                "its profile says.",
            ),
            Part("truncated", None, "Names of the lists above that were cut."),
        ),
        errors=(400, 404),
    ),
    *AREA_ROUTES,
    *RETENTION_ROUTES,
    Route(
        "list_workflows", "/api/workflows", "All workflows, the one that started last first.",
        (), (Part("workflows", Workflow, "The workflows."),),
    ),
    Route(
        "list_dialects", "/api/dialects",
        "Profiles in force and dialects of the history; what each fills and does not emit.",
        (), (Part("dialects", Dialect, "Those that mapped most executions first."),),
    ),
    Route(
        "explain_span", "/api/traces/{trace_id}/spans/{span_id}/explanation",
        "Which profile and rule decided each field of a span, and where it went and why.",
        (), (Part("spans", SpanExplanation, "One for every time the span was stored."),),
        errors=(400, 404, 503),
    ),
    Route(
        "get_stats", "/api/stats",
        "Counts and exact duration quantiles of the executions that hold the filters.",
        (
            Param(
                "by", "What one row is for.", "step", default="workflow",
                values=("workflow", "step"),
            ),
            *FILTERS,
        ),
        (Part("stats", WorkflowStats, "One row per workflow, or per workflow and step."),),
        errors=(400, 408),
    ),
    Route(
        "run_sql", "/api/sql",
        "One SQL statement that reads. Body: {\"sql\": …, \"params\"?: {…}, \"max_rows\"?: n}.",
        (
            Param(
                "format", "Format of the answer; goes before the Accept header.", "csv",
                default="json", values=tuple(SQL_FORMATS),
            ),
        ),
        method="POST", errors=(400, 408, 413, 415, 503),
    ),
    Route(
        "make_backup", "/api/admin/backup",
        "A copy of the whole database as of now, checked; `stepscope backup` asks for it.",
        method="POST", media_type="application/vnd.duckdb", errors=(400, 415, 503),
    ),
    Route(
        "begin_remap", "/api/admin/remap",
        "Map the history anew with the profiles of now, or go on with it; `stepscope remap`.",
        (
            Param("since", "Only traces with spans that started since then.", "24h"),
            Param("dialect", "Only traces that this profile mapped, or would map now.", "dbos"),
        ),
        (Part("remap", RemapProgress, "How far it is.", False),),
        method="POST", errors=(400, 409, 415, 503),
    ),
    Route(
        "get_remap", "/api/admin/remap", "How far the remap that was asked for last is.",
        (), (Part("remap", RemapProgress, "How far it is; null: there was none.", False),),
        errors=(503,),
    ),
    Route(
        "stop_remap", "/api/admin/remap", "End the remap; what is mapped anew stays so.",
        (), (Part("remap", RemapProgress, "How far it came; null: there was none.", False),),
        method="DELETE", errors=(503,),
    ),
    Route("get_doctor", "/api/doctor", "Counters, versions, sizes and numbers of rows."),
    Route(
        "get_metrics", "/metrics", "The collector's own metrics in the Prometheus text format.",
        media_type=PROMETHEUS_TEXT,
    ),
    Route("get_health", "/healthz", "Answers while the process lives."),
    Route("get_ready", "/readyz", "200 when data can be received, else 503.", errors=(503,)),
    Route("get_openapi", "/openapi.json", "This document."),
)  # fmt: skip

OTHER_ROWS: Final = {
    ("get_stats", "stats"): (StepStats,),
    ("list_executions", "executions"): (ChosenExecution,),
}
"""Route and part → rows that the part may have instead."""
