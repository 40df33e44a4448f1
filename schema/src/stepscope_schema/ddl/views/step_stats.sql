-- One row per workflow and step name: counts of attempts by status, retries, and exact duration
-- quantiles in nanoseconds of ended attempts.
create or replace view step_stats as
with grouped as (
    select
        e.workflow_id,
        a.step_name,
        count(*) as count,
        count(*) filter (a.status = 'success') as success,
        count(*) filter (a.status in ('failed', 'timed_out')) as failed,
        count(*) filter (a.status = 'running') as running,
        count(*) filter (a.attempt > 1) as retries,
        count(a.ended_at) as ended,
        min(a.duration_ns) as min_ns,
        avg(a.duration_ns) as mean_ns,
        max(a.duration_ns) as max_ns,
        sum(a.duration_ns) as total_ns,
        quantile_cont(a.duration_ns, [0.5, 0.95, 0.99]) as quantiles_ns
    from attempts a
    left join executions e using (execution_id)
    group by e.workflow_id, a.step_name
)
select
    workflow_id,
    step_name,
    count,
    success,
    failed,
    running,
    retries,
    success / nullif(ended, 0) as success_rate,
    min_ns,
    mean_ns,
    max_ns,
    total_ns,
    quantiles_ns[1] as p50_ns,
    quantiles_ns[2] as p95_ns,
    quantiles_ns[3] as p99_ns
from grouped
