-- Attribute values that stand apart from their spans.
-- $trace_id: UUID, $execution_id: null means any; of the spans.
-- One row per value: trace_id, span_id, start_time_unix_nano of the span, key, body.
select trace_id, span_id, start_time_unix_nano, key, body
from stored.payloads
where ($trace_id::uuid is null or trace_id = $trace_id::uuid)
    and ($execution_id::varchar is null or execution_id = $execution_id::varchar)
order by trace_id, span_id, start_time_unix_nano, key
