-- Attribute values that stand apart from their spans.
-- $trace_ids: UUIDs, $execution_id: null means any; of the spans. $first, $last: bounds of the starts in ns.
-- One row per value: trace_id, span_id, start_time_unix_nano of the span, key, body.
select trace_id, span_id, start_time_unix_nano, key, body
from stored.payloads
where ($trace_ids::uuid[] is null or trace_id in (select unnest($trace_ids::uuid[])))
    and start_time_unix_nano between $first and $last
    and ($execution_id::varchar is null or execution_id = $execution_id::varchar)
order by trace_id, span_id, start_time_unix_nano, key
