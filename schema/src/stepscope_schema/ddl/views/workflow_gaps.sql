-- One row per time that a regular workflow did not start when it was due, among its newest 101 starts:
-- starts that came late, and starts that are missing. The rules are those of view workflow_cadence.
create or replace view workflow_gaps as
with starts as (
    select
        c.workflow_id, c.interval_ns, e.started_at,
        lead(e.started_at) over (partition by c.workflow_id order by e.started_at) as next_at,
        epoch_ns(c.late_after_at) - epoch_ns(c.last_started_at) as allowed_ns
    from workflow_cadence c
    join executions e using (workflow_id)
    where c.is_regular and e.parent_execution_id is null and e.retry_of_execution_id is null
        and (e.trigger_type = 'schedule' or not c.is_scheduled)
    qualify row_number() over (partition by c.workflow_id order by e.started_at desc nulls last) <= 101
), ended as (
    select *, epoch_ns(coalesce(next_at, now()::timestamp_ns)) - epoch_ns(started_at) as gap_ns
    from starts
    where started_at is not null
)
select
    workflow_id,                   -- varchar: identity of the workflow
    started_at as after_at,        -- timestamp_ns: the start before
    make_timestamp_ns(epoch_ns(started_at) + interval_ns) as due_at, -- timestamp_ns: when the next was due
    next_at as started_at,         -- timestamp_ns: when it came; null: it has not
    gap_ns - interval_ns as late_ns, -- bigint: how much later that is; where it has not come, until now
    case when next_at is null then greatest(1, floor(gap_ns / interval_ns))::bigint
        else round(gap_ns / interval_ns)::bigint - 1 end as missing_count -- bigint: starts that are missing; 0: it only came late
from ended
where gap_ns > allowed_ns
