-- Percentiles of the duration per workflow and day.
select
    workflow_id, started_at::date as day, count(*),
    quantile_cont(duration_ns, [0.5, 0.95, 0.99])
from executions
where ended_at is not null
group by all
