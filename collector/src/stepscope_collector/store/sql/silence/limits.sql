-- How long executions of $workflows may be silent, where that is more than the setting allows: three times the 99th
-- percentile of what has ended.
-- Columns: workflow, limit_ns.
select workflow, limit_ns
from (
    select
        coalesce(workflow_id, workflow_name) as workflow,
        cast(3 * least(
            quantile_disc(
                final_end_unix_nano - coalesce(started_unix_nano, first_unix_nano), 0.99
            ),
            1000000000000000000
        ) as ubigint) as limit_ns
    from stored.executions
    where coalesce(workflow_id, workflow_name) in (select unnest($workflows::varchar[]))
        and final_end_unix_nano > coalesce(started_unix_nano, first_unix_nano)
        and status in ('success', 'failed')
    group by all
)
where limit_ns > lost_after_ns()
order by workflow
