-- How much longer executions of a workflow went on that had gone on for a time: quantiles of the rest,
-- over its newest successes that took longer.
-- $workflow_id: the workflow, as view executions has it; $execution_id: not counted; $elapsed_ns: the
-- time; $newest: so many successes are looked at.
-- Columns: history_count (successes looked at), longer_count (of these took longer); p50_ns, p90_ns
-- (nanoseconds, null: none took longer).
with history as (
    select duration_ns
    from executions
    where workflow_id = $workflow_id
        and status = 'success'
        and duration_ns is not null
        and execution_id <> $execution_id
    order by started_at desc nulls last, execution_id
    limit $newest
)
select
    count(*) as history_count,
    count(*) filter (duration_ns > $elapsed_ns) as longer_count,
    round(quantile_cont(duration_ns - $elapsed_ns, 0.5) filter (duration_ns > $elapsed_ns))::bigint as p50_ns,
    round(quantile_cont(duration_ns - $elapsed_ns, 0.9) filter (duration_ns > $elapsed_ns))::bigint as p90_ns
from history
order by history_count
