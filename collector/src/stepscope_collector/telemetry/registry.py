"""Every metric of the collector, declared once: name, kind, unit, labels, meaning.

What is counted, shown at /metrics, exported by OTLP and explained in docs/reference/metrics.md comes
from here. Names that begin with `otelcol_` are those of the OpenTelemetry Collector's own
documentation (receiverhelper, exporterhelper, service), and mean the same; `rpc_` and `http_` are
those of OpenTelemetry's semantic conventions, written as the Collector 0.161 writes them.
"""

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["METRICS", "Metric", "noun"]

Kind = Literal["counter", "gauge", "histogram"]

_SHORT: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
"""Decoding: a request of 512 spans takes some ms."""
_LONG: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""The bounds that OTel's semantic conventions advise for http.server.request.duration."""

_NOUNS: Final = {"traces": "spans", "logs": "log_records", "metrics": "metric_points"}


def noun(signal: str) -> str:
    """What the OpenTelemetry Collector calls the rows of a signal in names of metrics."""
    return _NOUNS[signal]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric."""

    name: str
    kind: Kind
    unit: str
    """UCUM, as OTLP writes it: `s`, `By`, `{rows}`."""
    labels: tuple[str, ...]
    meaning: str
    bounds: tuple[float, ...] = ()
    """Upper bounds of a histogram's buckets, without the last, which has none."""


def _per_signal(name: str, kind: Kind, labels: tuple[str, ...], meaning: str) -> tuple[Metric, ...]:
    units = {"traces": "{spans}", "logs": "{records}", "metrics": "{datapoints}"}
    return tuple(
        Metric(
            name.replace("*", noun(signal)),
            kind,
            units[signal],
            labels,
            meaning.replace("*", noun(signal).replace("_", " ").capitalize()),
        )
        for signal in _NOUNS
    )


_RECEIVER: Final = ("receiver", "transport")
_EXPORTER: Final = ("exporter",)

_INGEST: Final = (
    *_per_signal(
        "otelcol_receiver_accepted_*", "counter", _RECEIVER,
        "* of requests that were answered with success: stored now or before.",
    ),
    *_per_signal(
        "otelcol_receiver_refused_*", "counter", _RECEIVER,
        "* that were not taken: rejected one by one, or in a request that was refused.",
    ),
    *_per_signal(
        "otelcol_receiver_failed_*", "counter", _RECEIVER,
        "* that were decoded and could not be committed.",
    ),
    Metric(
        "stepscope_received_rows_total", "counter", "{rows}", ("signal",),
        "Spans, log records and points that came in. Equal to the sum of stepscope_rows_total over "
        "its outcomes and stepscope_waiting_rows, at any moment.",
    ),
    Metric(
        "stepscope_rows_total", "counter", "{rows}", ("signal", "outcome"),
        "What became of them: stored, duplicate (stored before), deleted (of an execution that was "
        "deleted), rejected (one by one, see stored.rejections), refused (with their whole request, "
        "before it was decoded), failed (decoded, not committed).",
    ),
    Metric(
        "stepscope_waiting_rows", "gauge", "{rows}", ("signal",), "Decoded, and not yet committed."
    ),
    Metric(
        "stepscope_removed_rows_total", "counter", "{rows}", ("kind", "why"),
        "Rows removed with their executions: executions, spans, payloads, log_records, metric_points; why is "
        "due (retention) or asked (deleted).",
    ),
    Metric(
        "stepscope_prune_round_duration_seconds", "histogram", "s", (),
        "Rounds of retention; commits wait for so long.", _LONG,
    ),
    Metric(
        "stepscope_compaction_wait_seconds", "histogram", "s", (),
        "For how long commits waited at the end of compactions.", _LONG,
    ),
    Metric(
        "stepscope_received_requests_total", "counter", "{requests}", ("signal", "transport"),
        "Requests that came in, refused ones included. Equal to the sum of "
        "stepscope_requests_total over outcomes and reasons and stepscope_waiting_requests.",
    ),
    Metric(
        "stepscope_requests_total", "counter", "{requests}",
        ("signal", "transport", "outcome", "reason"),
        "What became of them: accepted, refused (before it was queued) or failed (not committed); "
        "the reason is the code of the error, empty when accepted.",
    ),
    Metric(
        "stepscope_waiting_requests", "gauge", "{requests}", ("signal", "transport"),
        "Requests that have no answer yet.",
    ),
    Metric(
        "stepscope_refused_bytes_total", "counter", "By", ("signal", "reason"),
        "Bytes of refused requests, as far as they were announced or read.",
    ),
    Metric(
        "stepscope_uncounted_requests_total", "counter", "{requests}", ("signal",),
        "Refused requests whose rows are in no other number: unreadable, oversized, or JSON.",
    ),
    Metric(
        "stepscope_admitted_requests_total", "counter", "{requests}", ("transport", "token"),
        "Requests whose token let them in, by the token's name; transport: grpc, http or web.",
    ),
    Metric(
        "stepscope_denied_requests_total", "counter", "{requests}", ("transport", "reason"),
        "Requests refused before anything of them was read, in no other number: the token was "
        "missing, malformed, unknown, expired, revoked, or had not the scope.",
    ),
    Metric(
        "stepscope_decode_duration_seconds", "histogram", "s", ("signal",),
        "Time to decode one request, without waiting for its turn.", _SHORT,
    ),
    Metric(
        "stepscope_commit_duration_seconds", "histogram", "s", (),
        "Time of one transaction, from mapping to the end of its commit.", _LONG,
    ),
    Metric(
        "stepscope_commit_lag_seconds", "histogram", "s", ("signal",),
        "From a request's arrival in full to the commit that holds its rows.", _LONG,
    ),
    Metric(
        "stepscope_commit_requests_total", "counter", "{requests}", (),
        "Requests in committed transactions.",
    ),
    Metric("stepscope_commit_bytes_total", "counter", "By", (), "Bytes of those requests."),
    Metric(
        "rpc_server_call_duration", "histogram", "s",
        ("rpc_method", "rpc_response_status_code"),
        "OTLP/gRPC: from the request in full to its answer.", _LONG,
    ),
    Metric(
        "http_server_request_duration", "histogram", "s",
        ("http_route", "http_response_status_code"),
        "OTLP/HTTP: from the head of the request to the end of its answer.", _LONG,
    ),
)  # fmt: skip

_STATE: Final = (
    Metric(
        "stepscope_inflight_bytes", "gauge", "By", (),
        "Bytes of requests that are being decoded or wait for their commit.",
    ),
    Metric(
        "stepscope_inflight_requests", "gauge", "{requests}", (), "Number of those requests."
    ),
    Metric(
        "stepscope_inflight_limit_bytes", "gauge", "By", (),
        "Setting limits.max_inflight_bytes: at this many, requests are refused.",
    ),
    Metric("stepscope_database_bytes", "gauge", "By", (), "Size of the database file."),
    Metric("stepscope_wal_bytes", "gauge", "By", (), "Size of its write-ahead log."),
    Metric(
        "stepscope_open_executions", "gauge", "{executions}", (),
        "Executions that have started and not ended; lost ones included.",
    ),
    Metric(
        "stepscope_last_commit_age_seconds", "gauge", "s", (),
        "Time since the last commit of this process; absent before the first.",
    ),
    Metric(
        "stepscope_sql_duration_seconds", "histogram", "s", ("outcome",),
        "Statements of users, their answers included; outcome is ok, stopped, overdue (it goes on after its "
        "time), or the code of the error.",
        _LONG,
    ),
    Metric(
        "stepscope_overdue_sql", "gauge", "{statements}", (),
        "Statements of users that go on after sql.timeout_s, as nothing ends them; at sql.max_concurrent "
        "further ones are refused.",
    ),
    Metric(
        "stepscope_slow_sql_total", "counter", "{statements}", (),
        "Statements that took at least sql.slow_s and stand in the log.",
    ),
    Metric("otelcol_process_uptime", "counter", "s", (), "Time since the process started."),
    Metric(
        "otelcol_process_cpu_seconds", "counter", "s", (), "User and system time of the process."
    ),
    Metric("otelcol_process_memory_rss", "gauge", "By", (), "Resident memory of the process."),
)  # fmt: skip

_TEE: Final = (
    *_per_signal(
        "otelcol_exporter_sent_*", "counter", _EXPORTER, "* that an endpoint of the tee has taken."
    ),
    *_per_signal(
        "otelcol_exporter_send_failed_*", "counter", _EXPORTER,
        "* that an endpoint of the tee refused for good: dropped.",
    ),
    *_per_signal(
        "otelcol_exporter_enqueue_failed_*", "counter", _EXPORTER,
        "* that were never sent to an endpoint of the tee: the queue was full, or could not be "
        "written.",
    ),
    Metric(
        "otelcol_exporter_queue_size", "gauge", "{requests}", _EXPORTER,
        "Requests in the queue of an endpoint of the tee.",
    ),
    Metric(
        "stepscope_tee_queue_bytes", "gauge", "By", _EXPORTER,
        "Bytes in the queue of an endpoint of the tee.",
    ),
    Metric(
        "stepscope_tee_queue_limit_bytes", "gauge", "By", (), "Setting tee.max_queue_bytes."
    ),
    Metric(
        "stepscope_tee_retries_total", "counter", "{attempts}", (*_EXPORTER, "reason"),
        "Attempts after which the same request is sent again.",
    ),
    Metric(
        "stepscope_tee_rejected_rows_total", "counter", "{rows}", (*_EXPORTER, "signal"),
        "Rows that the endpoint rejected by partial_success.",
    ),
    Metric(
        "stepscope_tee_age_seconds", "gauge", "s", _EXPORTER,
        "Age of the oldest request in the queue; 0: the queue is empty.",
    ),
    Metric(
        "stepscope_tee_looped_requests_total", "counter", "{requests}", (),
        "Requests that this collector has sent out itself and that came back through another; answered "
        "with success, not stored again.",
    ),
    Metric(
        "stepscope_telemetry_exports_total", "counter", "{exports}", ("signal", "outcome"),
        "Exports of these metrics and of the log by OTLP: sent, or the reason they were not.",
    ),
)  # fmt: skip

METRICS: Final[dict[str, Metric]] = {metric.name: metric for metric in (*_INGEST, *_STATE, *_TEE)}
"""Name → metric, in the order of docs and answers."""
