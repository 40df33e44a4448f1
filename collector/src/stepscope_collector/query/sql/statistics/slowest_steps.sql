-- Tries of steps that took $least_ns or longer, at most $limit, the longest first: only these few rows are
-- put together, see slowest_bound.sql. What is null is not asked for: $workflows: ids of workflows; $step:
-- its name; $since: from this time on, ns; $until: before this time, ns.
-- Columns: those of SlowestStep, times in ns since the epoch (UTC).
with longest as (
    select
        a.execution_id, a.step_id, a.step_name, a.attempt, a.status, a.started_at, a.duration_ns,
        a.error_type, a.span_id
    from attempts a
    where a.duration_ns >= cast($least_ns as bigint)
        and ($workflows is null or a.execution_id in (
            select execution_id from executions
            where list_contains($workflows::varchar[], workflow_id)
        ))
        and ($step is null or a.step_name = $step::varchar)
        and ($since is null or a.started_at >= make_timestamp_ns($since::bigint))
        and ($until is null or a.started_at < make_timestamp_ns($until::bigint))
    order by a.duration_ns desc, a.span_id
    limit $limit
)
select
    coalesce(e.workflow_id, e.workflow_name, 'unknown') as workflow_id,
    l.execution_id,
    l.step_id,
    l.step_name,
    l.attempt,
    l.status,
    epoch_ns(l.started_at) as started_at,
    l.duration_ns,
    l.error_type,
    l.span_id
from longest l
left join stored.executions e on e.execution_id = l.execution_id
order by l.duration_ns desc, l.span_id
