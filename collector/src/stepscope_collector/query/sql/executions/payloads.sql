-- View payloads for one execution, in order of the spans' start.
-- $execution_id: the execution; $first_unix_nano, $last_start_unix_nano: see locate.sql;
-- $limit: rows at most.
-- Columns: those of view payloads, times in nanoseconds since the epoch (UTC).
select
    execution_id,
    trace_hex(trace_id) as trace_id,
    span_hex(coalesce(open_span_id, span_id)) as span_id,
    kind,
    key,
    media_type,
    body,
    size_bytes,
    sha256,
    is_truncated,
    epoch_ns(ingested_at) as ingested_at
from stored.payloads p
where execution_id = $execution_id
    and start_time_unix_nano >= cast($first_unix_nano as ubigint)
    and start_time_unix_nano <= cast($last_start_unix_nano as ubigint)
    and (live_phase is null
        or (live_phase = 'started' and exists (
            from stored.open_spans o where o.trace_id = p.trace_id and o.span_id = p.open_span_id
        )))
order by start_time_unix_nano, p.span_id, kind, key
limit $limit
