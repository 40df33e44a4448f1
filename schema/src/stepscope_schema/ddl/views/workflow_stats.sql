-- One row per workflow: counts by status and exact duration quantiles of its ended executions,
-- in nanoseconds. Quantiles interpolate as quantile_cont does.
create or replace view workflow_stats as
with grouped as (
    select
        workflow_id,
        max(workflow_name) as workflow_name,
        count(*) as count,
        count(*) filter (status = 'success') as success,
        count(*) filter (status in ('failed', 'timed_out')) as failed,
        count(*) filter (status in ('running', 'queued', 'waiting', 'retrying')) as running,
        count(ended_at) as ended,
        min(duration_ns) as min_ns,
        avg(duration_ns) as mean_ns,
        max(duration_ns) as max_ns,
        quantile_cont(duration_ns, [0.5, 0.95, 0.99]) as quantiles_ns,
        min(started_at) as first_started_at,
        max(started_at) as last_started_at
    from executions
    group by workflow_id
)
select
    workflow_id,
    workflow_name,
    count,
    success,
    failed,
    running,
    count - success - failed - running as other,
    success / nullif(ended, 0) as success_rate,
    min_ns,
    mean_ns,
    max_ns,
    quantiles_ns[1] as p50_ns,
    quantiles_ns[2] as p95_ns,
    quantiles_ns[3] as p99_ns,
    first_started_at,
    last_started_at
from grouped
