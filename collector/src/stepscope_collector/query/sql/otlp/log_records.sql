-- Log records as they were received.
-- $trace_id: UUID, null means any. $execution_id: the execution the record names, else the one of
-- its span; null means any.
-- One row per log record; those of one resource and scope stand together.
select
    time_unix_nano, observed_time_unix_nano, severity_number, severity_text, event_name, body,
    body_type, attributes, attribute_types, dropped_attributes_count, flags, trace_id, span_id, raw,
    resource_id, scope_id
from stored.log_records l
where ($trace_id::uuid is null or trace_id = $trace_id::uuid)
    and (
        $execution_id::varchar is null
        or execution_id = $execution_id::varchar
        or execution_id is null and (trace_id, span_id) in (
            select (s.trace_id, s.span_id)
            from stored.spans s
            where s.execution_id = $execution_id::varchar
        )
    )
order by resource_id, scope_id, time_unix_nano, observed_time_unix_nano
