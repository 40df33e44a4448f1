-- Attribute values that stand apart from their spans.
-- $execution_ids: null means all; $first, $last: bounds of the starts of the spans in ns.
-- One row per value: trace_id, span_id, start_time_unix_nano of the span, key, body.
select trace_id, span_id, start_time_unix_nano, key, body
from stored.payloads
where start_time_unix_nano between cast($first as ubigint) and cast($last as ubigint)
    and ($execution_ids::varchar[] is null
        or execution_id in (select unnest($execution_ids::varchar[])))
order by trace_id, span_id, start_time_unix_nano, key
