-- Stores the staged spans with the other columns of their batch `incoming_spans`.
-- $ingested_at: UTC time of the commit; $is_from_log: log records told of them. The placeholder joins `staged m` by position when no row
-- was dropped or moved (half the cost), else by span_row; the condition guards the position.
insert into stored.spans by name
select
    b.trace_id, b.span_id, b.parent_span_id, b.trace_state, b.flags, b.name, b.kind,
    b.start_time_unix_nano,
    duration_of(b.start_time_unix_nano, b.end_time_unix_nano) as duration_ns,
    case when duration_of(b.start_time_unix_nano, b.end_time_unix_nano) is null then b.end_time_unix_nano end
        as odd_end_unix_nano, b.status_code, b.status_message, b.attributes,
    b.attribute_types, cast(b.home_bits as varchar) as home_bits, b.dropped_attributes_count, b.events, b.dropped_events_count,
    b.links, b.dropped_links_count, b.raw, b.resource_id, b.scope_id, m.dialect, m.is_folded, m.role,
    m.live_phase, m.execution_id, m.is_explicit, m.step_id, m.step_name, m.step_type,
    m.step_index, m.attempt, m.max_attempts, m.is_expected_retry, m.status, m.status_native,
    m.error_type, m.error_message, m.workflow_id,
    shortened(m.workflow_name, b.name) as short_workflow_name, m.workflow_version, m.project,
    m.trigger_type, m.user_id, m.tags, m.parent_execution_id, m.root_execution_id, m.exit_code,
    $is_from_log as is_from_log, $ingested_at as ingested_at
from incoming_spans b
{join}
where b.span_row = m.span_row
