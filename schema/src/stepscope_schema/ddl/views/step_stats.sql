-- One row per workflow and step name: counts of attempts by status, retries, and exact duration
-- quantiles of ended attempts. Quantiles interpolate as quantile_cont does.
create or replace view step_stats as
with grouped as (
    select
        coalesce(e.workflow_id, e.workflow_name, 'unknown') as workflow_id,
        a.step_name,
        count(*) as count,
        count_if(a.status = 'success')::bigint as success,
        count_if(a.status in ('failed', 'timed_out'))::bigint as failed,
        count_if(a.status = 'running')::bigint as running,
        count_if(a.attempt > 1)::bigint as retries,
        count(a.ended_at) as ended,
        count_if(a.status = 'success' and a.ended_at is not null)::bigint as ended_success,
        min(a.duration_ns) as min_ns,
        avg(a.duration_ns) as mean_ns,
        max(a.duration_ns) as max_ns,
        sum(a.duration_ns) as total_ns,
        quantile_cont(a.duration_ns, [0.5, 0.95, 0.99]) as quantiles_ns
    from attempts a
    left join stored.executions e on e.execution_id = a.execution_id
    group by 1, a.step_name
)
select
    workflow_id,                  -- varchar: identity of the workflow
    step_name,                    -- varchar: name of the step
    count,                        -- bigint: attempts
    success,                      -- bigint: those that succeeded
    failed,                       -- bigint: those that failed or timed out
    running,                      -- bigint: those that run
    retries,                      -- bigint: attempts beyond the first
    ended_success / nullif(ended, 0) as success_rate, -- double: share of success among the ended, 0 to 1; null: none ended
    min_ns,                       -- bigint: shortest duration
    mean_ns,                      -- double: mean duration
    max_ns,                       -- bigint: longest duration
    total_ns,                     -- hugeint: all durations together
    total_ns / nullif(sum(total_ns) over (partition by workflow_id), 0) as time_ratio, -- double: share of them in the durations of all steps of the workflow, 0 to 1 (R131); null: none took time
    quantiles_ns[1] as p50_ns,    -- double: median duration
    quantiles_ns[2] as p95_ns,    -- double: 95th percentile of the durations
    quantiles_ns[3] as p99_ns     -- double: 99th percentile of the durations
from grouped
