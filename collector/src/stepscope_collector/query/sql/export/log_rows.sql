-- Log records as they were received.
-- $execution_ids: of the executions the records name, else of their spans; null means all;
-- $first, $last: bounds of their times in ns.
-- One row per log record; those of one resource and scope stand together, and equal ones in a row.
select
    resource_id, scope_id,
    time_unix_nano, observed_time_unix_nano, severity_number, severity_text, event_name, body,
    body_type, attributes, attribute_types, dropped_attributes_count, flags, trace_id, span_id, raw,
    epoch_ns(ingested_at) as ingested_unix_nano
from stored.log_records
where time_unix_nano between cast($first as ubigint) and cast($last as ubigint)
    and (
        $execution_ids::varchar[] is null
        or execution_id in (select unnest($execution_ids::varchar[]))
        or execution_id is null and (trace_id, span_id) in (
            select (s.trace_id, s.span_id)
            from stored.spans s
            where s.execution_id in (select unnest($execution_ids::varchar[]))
        )
    )
order by all
