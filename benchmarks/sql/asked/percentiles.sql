-- Percentiles of the duration per workflow and day.
select
    workflow_id, day_of(started_at) as day, count(*),
    quantile_cont(duration_ns, [0.5, 0.95, 0.99])
from executions
where ended_at is not null
group by all
