-- Spans as they were received, with the columns that are the home of attributes.
-- $execution_ids: null means all; $first, $last: bounds of the starts in ns.
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
    trigger_type, project, user_id, parent_execution_id, root_execution_id, exit_code, live_phase,
    epoch_ns(ingested_at) as ingested_unix_nano
from stored.spans
where start_time_unix_nano between cast($first as ubigint) and cast($last as ubigint)
    and not is_from_log
    and ($execution_ids::varchar[] is null
        or execution_id in (select unnest($execution_ids::varchar[])))
order by resource_id, scope_id, start_time_unix_nano, trace_id, span_id, ingested_at, hash(attributes)
