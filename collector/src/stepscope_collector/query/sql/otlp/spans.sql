-- Spans as they were received, with the columns that are the home of attributes.
-- $trace_ids: UUIDs, $execution_id: null means any. $first, $last: bounds of the starts in ns.
-- $is_from_log: those that were sent, or those that log records told of.
-- One row per span; those of one resource and scope stand together.
select
    trace_id, span_id, parent_span_id, trace_state, flags, name, kind, start_time_unix_nano,
    end_of(start_time_unix_nano, duration_ns, odd_end_unix_nano) as end_time_unix_nano,
    status_code, status_message, attributes, attribute_types, cast(home_bits as ubigint) as home_bits,
    dropped_attributes_count, events, dropped_events_count, links, dropped_links_count, raw,
    resource_id, scope_id,
    execution_id, role, step_name, step_id, step_type, status_native, step_index, attempt,
    max_attempts, is_expected_retry, error_type, workflow_id,
    restored(short_workflow_name, name) as workflow_name, workflow_version,
    trigger_type, project, user_id, parent_execution_id, root_execution_id, exit_code, live_phase
from stored.spans
where ($trace_ids::uuid[] is null or trace_id in (select unnest($trace_ids::uuid[])))
    and start_time_unix_nano between $first and $last
    and is_from_log = $is_from_log
    and ($execution_id::varchar is null or execution_id = $execution_id::varchar)
order by resource_id, scope_id, start_time_unix_nano, trace_id, span_id
