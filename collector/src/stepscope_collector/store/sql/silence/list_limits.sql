-- The silent executions whose workflow takes so long that three times its 99th percentile is more
-- silence than the setting allows, as temporary table `silence_limits`. What changes by less than a
-- tenth stays.
create or replace temp table silence_limits as
with limits as (
    select
        coalesce(workflow_id, workflow_name) as workflow,
        3 * least(
            quantile_disc(
                final_end_unix_nano - coalesce(started_unix_nano, first_unix_nano), 0.99
            ),
            1000000000000000000
        ) as limit_ns
    from stored.executions
    where coalesce(workflow_id, workflow_name) in (select workflow from silent)
        and final_end_unix_nano > coalesce(started_unix_nano, first_unix_nano)
        and status in ('success', 'failed')
    group by all
)
select s.execution_id, cast(l.limit_ns as ubigint) as limit_ns
from silent s
join limits l on l.workflow = s.workflow
where l.limit_ns > lost_after_ns()
    and (s.silence_ns is null or l.limit_ns not between s.silence_ns * 0.9 and s.silence_ns * 1.1)
