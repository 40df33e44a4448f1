-- Statistics of workflows as the table of that name of older design 004, counted anew at each question (R133).
create or replace view compat_004.workflow_statistics as
with used as (
    select workflow_id, arg_max(step_name, (count, step_name)) as step_name, max(count) as count
    from main.step_stats
    group by workflow_id
),
told as (
    select
        workflow_id,
        max(coalesce(ended_at, last_seen_at)) filter (where status in ('failed', 'timed_out')) as last_error_at,
        max(started_at) as last_run_at,
        max(updated_at) as updated_at
    from main.executions
    group by workflow_id
)
select
    w.workflow_id as id,                             -- varchar: identity of the row, the workflow's
    w.workflow_id,                                   -- varchar: the workflow
    w.count as total_runs,                           -- bigint: its executions
    w.success as successful_runs,                    -- bigint: those that succeeded
    w.failed as failed_runs,                         -- bigint: those that failed or timed out
    cast(round(w.mean_ns / 1e6) as bigint) as avg_duration_ms, -- bigint: mean duration of those that ended
    compat_ms(w.min_ns) as min_duration_ms,          -- bigint: shortest duration
    compat_ms(w.max_ns) as max_duration_ms,          -- bigint: longest duration
    u.step_name as most_used_component_id,           -- varchar: step with most attempts
    coalesce(u.count, 0) as most_used_component_count, -- bigint: its attempts
    w.failed as total_errors,                        -- bigint: executions that failed or timed out
    t.last_error_at, -- timestamp_ns: end of the newest of them
    t.last_run_at,     -- timestamp_ns: start of the newest execution
    t.updated_at        -- timestamp_ns: when any of them changed last
from main.workflow_stats w
join told t using (workflow_id)
left join used u using (workflow_id)
