-- Every stored span with readable ids and times; live markers are spans too.
create or replace view spans as
select
    trace_hex(s.trace_id) as trace_id,              -- varchar: Span.trace_id in 32 hex digits
    span_hex(s.span_id) as span_id,                 -- varchar: Span.span_id in 16 hex digits
    span_hex(s.parent_span_id) as parent_span_id,   -- varchar: Span.parent_span_id in 16 hex digits; null: root span
    s.name,                                         -- varchar: Span.name
    s.kind,                                         -- integer: Span.kind
    time_of(s.start_time_unix_nano) as started_at,  -- timestamp_ns: Span.start_time_unix_nano; null: 0 or beyond the year 2262
    time_of(end_of(s.start_time_unix_nano, s.duration_ns, s.odd_end_unix_nano)) as ended_at, -- timestamp_ns: Span.end_time_unix_nano; null: 0 or beyond the year 2262
    s.duration_ns,                                  -- bigint: from start to end; null: not ended, or the end is before the start
    s.status_code,                                  -- integer: Status.code: 0 unset, 1 ok, 2 error
    s.status_message,                               -- varchar: Status.message; null: empty
    s.attributes,                                   -- map(varchar, varchar): Span.attributes that have no column of their own, as text
    coalesce(s.events, []) as events, -- struct(time_unix_nano ubigint, name varchar, attributes map(varchar, varchar), attribute_types varchar, dropped_attributes_count uinteger)[]: Span.events, in their order
    coalesce(s.links, []) as links, -- struct(trace_id blob, span_id blob, trace_state varchar, attributes map(varchar, varchar), attribute_types varchar, dropped_attributes_count uinteger, flags uinteger)[]: Span.links, in their order
    r.service_name,                                 -- varchar: service.name of the resource
    r.attributes as resource_attributes,            -- map(varchar, varchar): Resource.attributes as text
    c.name as scope_name,                           -- varchar: InstrumentationScope.name
    c.version as scope_version,                     -- varchar: InstrumentationScope.version
    s.dialect,                                      -- varchar: profile that mapped the span
    s.role,                                         -- varchar: execution, step or operation
    s.live_phase,                                   -- varchar: started or heartbeat for live markers, else null
    s.execution_id,                                 -- varchar: execution the span belongs to
    s.step_name,                                    -- varchar: name of the step; null: no step
    s.status,                                       -- varchar: canonical status
    s.ingested_at                                   -- timestamp_ns: when it was committed
from stored.spans s
left join stored.resources r using (resource_id)
left join stored.scopes c using (scope_id)
where not s.is_from_log
