-- When the executions ran that an execution started, and in which of its spans they were started.
-- The start of a child's span stands in the join because scans skip row groups by it.
-- $execution_id: the parent.
-- Columns: execution_id, workflow_name, status; begun_at (queued, else started), ended_at, last_seen_at in
-- nanoseconds since the epoch; trace_id, parent_span_id: where it was started, null: not told.
with children as (
    select e.*, s.final_span_id, s.first_unix_nano, coalesce(s.final_trace_id, s.any_trace_id) as final_trace_id,
        coalesce(s.final_start_unix_nano, s.first_unix_nano) as final_start_unix_nano
    from stored.executions s
    join executions e on e.execution_id = s.execution_id
    where s.parent_execution_id = $execution_id and s.execution_id <> $execution_id
), places as (
    select c.execution_id, s.trace_id, s.parent_span_id
    from children c
    join stored.spans s
        on s.start_time_unix_nano = c.final_start_unix_nano and s.span_id = c.final_span_id
        and s.trace_id = c.final_trace_id and s.execution_id = c.execution_id
    where s.live_phase is null
    union all
    select o.execution_id, o.trace_id, o.parent_span_id
    from children c
    join stored.open_spans o on o.execution_id = c.execution_id and o.role = 'execution'
), first_places as (
    select execution_id, min_by(trace_id, (trace_id, parent_span_id)) as trace_id,
        min_by(parent_span_id, (trace_id, parent_span_id)) as parent_span_id
    from places
    group by execution_id
)
select
    c.execution_id,
    c.workflow_name,
    c.status,
    coalesce(
        least(epoch_ns(c.queued_at), epoch_ns(c.started_at)), epoch_ns(time_of(c.first_unix_nano))
    ) as begun_at,
    epoch_ns(c.ended_at) as ended_at,
    epoch_ns(c.last_seen_at) as last_seen_at,
    p.trace_id,
    p.parent_span_id
from children c
left join first_places p on p.execution_id = c.execution_id
order by begun_at, c.execution_id
