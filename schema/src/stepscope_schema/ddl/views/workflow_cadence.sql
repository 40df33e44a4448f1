-- One row per workflow that started five times or more: how regularly it starts, and whether it is late,
-- as its own starts say; no schedule is asked for. Looks at the newest 101 starts that a schedule caused,
-- or where no start is told to be of a schedule, at all that no other execution caused. Regular: the
-- spread is at most a fifth of the interval. Late: no start for longer than 19 of 20 intervals before,
-- and three times the spread, or a tenth of the interval, beyond.
create or replace view workflow_cadence as
with caused as (
    select
        workflow_id, trigger_type, epoch_ns(started_at) as start_ns,
        bool_or(trigger_type = 'schedule') over (partition by workflow_id) as is_scheduled
    from executions
    where started_at is not null and parent_execution_id is null and retry_of_execution_id is null
), newest as (
    select
        workflow_id,
        coalesce(any_value(is_scheduled), false) as is_scheduled,
        max(start_ns, 101) as starts
    from caused
    where trigger_type = 'schedule' or not coalesce(is_scheduled, false)
    group by workflow_id
    having count(*) >= 5
), intervals as (
    select
        *,
        -- starts are in descending order
        list_transform(range(1, len(starts)), lambda n: starts[n] - starts[n + 1]) as gaps
    from newest
), measured as (
    select
        workflow_id, is_scheduled, starts[1] as last_ns, len(starts) as start_count,
        list_aggregate(gaps, 'median')::bigint as interval_ns,
        (1.4826 * list_aggregate(gaps, 'mad'))::bigint as spread_ns,
        list_aggregate(gaps, 'quantile_cont', 0.95)::bigint as longest_ns
    from intervals
), judged as (
    select
        *,
        interval_ns > 0 and spread_ns <= interval_ns / 5 as is_regular,
        last_ns + greatest(interval_ns, longest_ns)
            + greatest(3 * spread_ns, interval_ns // 10) as late_ns,
        epoch_ns(current_timestamp) as now_ns
    from measured
)
select
    workflow_id,          -- varchar: identity of the workflow
    start_count,          -- bigint: starts that were looked at
    is_scheduled,         -- boolean: only starts that a schedule caused were looked at
    interval_ns,          -- bigint: median time between two starts
    spread_ns,            -- bigint: 1.4826 times the median deviation from it: the standard deviation, were it normal
    is_regular,           -- boolean: it starts regularly; otherwise nothing is inferred
    make_timestamp_ns(last_ns) as last_started_at, -- timestamp_ns: the newest start
    case when is_regular then make_timestamp_ns(last_ns + interval_ns) end as due_at, -- timestamp_ns: when the next is due; null: not regular
    case when is_regular then make_timestamp_ns(late_ns) end as late_after_at, -- timestamp_ns: from when on it is late
    case when is_regular then now_ns > late_ns else false end as is_late, -- boolean: it is late now
    case when is_regular and now_ns > late_ns
        then greatest(1, floor((now_ns - last_ns) / interval_ns))::bigint else 0 end as missing_count -- bigint: starts that are missing since the newest
from judged
