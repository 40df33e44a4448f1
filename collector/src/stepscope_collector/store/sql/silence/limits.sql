-- How long executions of $workflows may be silent, as those from row $from_row on tell: three times the 99th percentile
-- of what has ended. Placeholder quantile: the function, exact or in little memory.
-- Columns: workflow, executions (that have ended), limit_ns (null: no longer than the setting allows).
with ended as (
    select
        coalesce(workflow_id, workflow_name) as workflow,
        final_end_unix_nano - coalesce(started_unix_nano, first_unix_nano) as duration_ns
    from stored.executions
    where rowid >= $from_row
        and coalesce(workflow_id, workflow_name) in (select unnest($workflows::varchar[]))
        and final_end_unix_nano > coalesce(started_unix_nano, first_unix_nano)
        and status in ('success', 'failed')
), quantiles as (
    select
        workflow,
        count(*) as executions,
        cast(3 * least({quantile}(duration_ns, 0.99), 1000000000000000000) as ubigint) as limit_ns
    from ended
    group by workflow
)
select workflow, executions, case when limit_ns > lost_after_ns() then limit_ns end as limit_ns
from quantiles
order by workflow
