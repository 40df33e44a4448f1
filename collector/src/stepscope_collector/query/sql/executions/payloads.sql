-- View payloads for one execution, in order of the spans' start.
-- $execution_id: the execution; $first_unix_nano, $last_start_unix_nano: see locate.sql;
-- $limit: rows at most.
-- Columns: those of view payloads, times in nanoseconds since the epoch (UTC).
select
    execution_id,
    trace_hex(trace_id) as trace_id,
    span_hex(span_id) as span_id,
    kind,
    key,
    media_type,
    body,
    size_bytes,
    sha256,
    is_truncated,
    epoch_ns(ingested_at) as ingested_at
from stored.payloads
where execution_id = $execution_id
    and start_time_unix_nano >= cast($first_unix_nano as ubigint)
    and start_time_unix_nano <= cast($last_start_unix_nano as ubigint)
order by start_time_unix_nano, stored.payloads.span_id, kind, key
limit $limit
