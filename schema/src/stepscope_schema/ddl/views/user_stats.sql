-- One row per user that executions ran for: counts by status and exact duration quantiles (R098).
create or replace view user_stats as
with grouped as (
    select
        user_id,
        count(*) as count,
        count_if(status = 'success')::bigint as success,
        count_if(status in ('failed', 'timed_out'))::bigint as failed,
        count_if(status in ('running', 'queued', 'waiting', 'retrying'))::bigint as running,
        count(ended_at) as ended,
        count_if(status = 'success' and ended_at is not null)::bigint as ended_success,
        count(distinct workflow_id) as workflow_count,
        sum(duration_ns) as total_ns,
        quantile_cont(duration_ns, [0.5, 0.95, 0.99]) as quantiles_ns,
        min(started_at) as first_started_at,
        max(started_at) as last_started_at
    from executions
    group by user_id
)
select
    user_id,                      -- varchar: who they ran for; null: executions of nobody
    count,                        -- bigint: executions
    success,                      -- bigint: those that succeeded
    failed,                       -- bigint: those that failed or timed out
    running,                      -- bigint: those that are queued, run, wait or retry
    count - success - failed - running as other, -- bigint: all others
    ended_success / nullif(ended, 0) as success_rate, -- double: share of success among the ended, 0 to 1; null: none ended
    workflow_count,               -- bigint: workflows
    total_ns,                     -- hugeint: all durations together; null: none
    quantiles_ns[1] as p50_ns,    -- double: median duration
    quantiles_ns[2] as p95_ns,    -- double: 95th percentile of the durations
    quantiles_ns[3] as p99_ns,    -- double: 99th percentile of the durations
    first_started_at,             -- timestamp_ns: start of the first execution
    last_started_at               -- timestamp_ns: start of the newest execution
from grouped
