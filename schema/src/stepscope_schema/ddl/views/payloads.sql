-- Inputs, outputs, params, trigger data and large attribute values.
create or replace view payloads as
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
    ingested_at
from stored.payloads
