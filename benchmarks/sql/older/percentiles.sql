-- As asked/percentiles.sql: SQLite knows no quantiles, so rows are ranked.
with ranked as (
    select
        workflow_id, date(started_at) as day, duration_ms,
        row_number() over (partition by workflow_id, date(started_at) order by duration_ms) as place,
        count(*) over (partition by workflow_id, date(started_at)) as total
    from executions
    where completed_at is not null
)
select
    workflow_id, day, max(total),
    max(case when place = (total + 1) / 2 then duration_ms end),
    max(case when place = cast(total * 0.95 + 0.5 as integer) then duration_ms end),
    max(case when place = cast(total * 0.99 + 0.5 as integer) then duration_ms end)
from ranked
group by workflow_id, day
