-- Adds the stored spans of the traces in {traces} to `evidence`. $first, $last: bounds of the starts
-- in ns.
insert into evidence by name
select
    cast(9223372036854775808 as ubigint) + s.rowid as span_number, s.trace_id, s.span_id,
    s.parent_span_id, s.name, s.kind, s.start_time_unix_nano,
    end_of(s.start_time_unix_nano, s.duration_ns, s.odd_end_unix_nano) as end_time_unix_nano, s.status_code, s.status_message,
    s.attributes, s.events, s.links, r.attributes as resource_attributes,
    r.service_name, c.name as scope_name, s.dialect, s.execution_id as execution_before,
    case when s.is_explicit then s.execution_id end as own_execution_id, s.live_phase, s.role,
    s.step_id, s.step_name, s.step_type, s.step_index, s.attempt, s.max_attempts,
    s.is_expected_retry, s.status, s.status_native, s.error_type, s.error_message, s.workflow_id,
    restored(s.short_workflow_name, s.name) as workflow_name, s.workflow_version, s.project, s.trigger_type, s.user_id, s.tags,
    s.parent_execution_id, s.root_execution_id, s.exit_code,
    last_exception(s.events, 'exception.type') as exception_type,
    last_exception(s.events, 'exception.message') as exception_message
from stored.spans s
left join stored.resources r on r.resource_id = s.resource_id
left join stored.scopes c on c.scope_id = s.scope_id
where s.trace_id in (select trace_id from {traces})
    and s.start_time_unix_nano between $first and $last
