-- Every stored span with readable ids and times; live markers are spans too.
create or replace view spans as
select
    trace_hex(s.trace_id) as trace_id,
    span_hex(s.span_id) as span_id,
    span_hex(s.parent_span_id) as parent_span_id,
    s.name,
    s.kind,
    time_of(s.start_time_unix_nano) as started_at,
    time_of(s.end_time_unix_nano) as ended_at,
    duration_of(s.start_time_unix_nano, s.end_time_unix_nano) as duration_ns,
    s.status_code,
    s.status_message,
    s.attributes,
    s.events,
    s.links,
    r.service_name,
    r.attributes as resource_attributes,
    c.name as scope_name,
    c.version as scope_version,
    s.dialect,
    s.role,
    s.live_phase,
    s.execution_id,
    s.step_name,
    s.status,
    s.ingested_at
from stored.spans s
left join stored.resources r using (resource_id)
left join stored.scopes c using (scope_id)
