-- Adds the staged spans of the traces in {traces} to `evidence`.
insert into evidence by name
select
    m.span_row as span_number, m.trace_id, m.span_id, m.parent_span_id, m.name, b.kind,
    m.start_time_unix_nano, m.end_time_unix_nano, b.status_code, b.status_message,
    b.attributes, b.events, b.links, r.attributes as resource_attributes, m.service_name,
    c.name as scope_name, m.dialect, m.execution_id as execution_before,
    case when m.is_explicit then m.execution_id end as own_execution_id, m.live_phase, m.role,
    m.step_id, m.step_name, m.step_type, m.step_index, m.attempt, m.max_attempts,
    m.is_expected_retry, m.status, m.status_native, m.error_type, m.error_message, m.workflow_id,
    m.workflow_name, m.workflow_version, m.project, m.trigger_type, m.user_id, m.tags,
    m.parent_execution_id, m.root_execution_id, m.exit_code,
    b.exception_type, b.exception_message
from staged m
join incoming_spans b on b.span_row = m.span_row
left join stored.resources r on r.resource_id = b.resource_id
left join stored.scopes c on c.scope_id = b.scope_id
where m.trace_id in (select trace_id from {traces})
