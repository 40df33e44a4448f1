-- Inputs, outputs, params, trigger data and large attribute values; of what still runs, those that
-- its first live marker brought.
create or replace view payloads as
select
    execution_id,                     -- varchar: execution of the span
    trace_hex(trace_id) as trace_id,  -- varchar: 32 hex digits
    span_hex(coalesce(open_span_id, span_id)) as span_id, -- varchar: span the value belongs to; 16 hex digits
    kind,                             -- varchar: input, output, params, trigger or attribute
    key,                              -- varchar: attribute key
    media_type,                       -- varchar: application/json or text/plain
    body,                             -- varchar: the value; a cut one ends where the sender cut it
    size_bytes,                       -- ubigint: of the whole value, before the sender cut it
    sha256,                           -- varchar: of the whole value in hex; only when it was cut
    is_truncated,                     -- boolean: the sender cut the value
    ingested_at                       -- timestamp_ns: when it was committed
from stored.payloads p
where live_phase is null
    or (live_phase = 'started' and exists (
        from stored.open_spans o where o.trace_id = p.trace_id and o.span_id = p.open_span_id
    ))
