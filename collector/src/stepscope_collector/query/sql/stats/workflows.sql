-- View workflow_stats over chosen executions, the most executed workflow first. The filter compiler
-- puts conditions in the place of the marked line.
-- Columns: those of view workflow_stats, times in nanoseconds since the epoch (UTC).
with grouped as (
    select
        workflow_id,
        max(workflow_name) as workflow_name,
        count(*) as count,
        count_if(status = 'success')::bigint as success,
        count_if(status in ('failed', 'timed_out'))::bigint as failed,
        count_if(status in ('running', 'queued', 'waiting', 'retrying'))::bigint as running,
        count(ended_at) as ended,
        count_if(status = 'success' and ended_at is not null)::bigint as ended_success,
        min(duration_ns) as min_ns,
        avg(duration_ns) as mean_ns,
        max(duration_ns) as max_ns,
        quantile_cont(duration_ns, [0.5, 0.95, 0.99]) as quantiles_ns,
        min(started_at) as first_started_at,
        max(started_at) as last_started_at
    from executions as e
    where true /* filter */
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
    success_rate,
    min_ns,
    mean_ns,
    max_ns,
    quantiles_ns[1] as p50_ns,
    quantiles_ns[2] as p95_ns,
    quantiles_ns[3] as p99_ns,
    epoch_ns(first_started_at) as first_started_at,
    epoch_ns(last_started_at) as last_started_at
from (select *, ended_success / nullif(ended, 0) as success_rate from grouped)
order by count desc, workflow_id
