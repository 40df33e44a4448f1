-- Statistics of executions in ms. $workflow_id: null: of all workflows.
-- Columns: counts by status of design 000, share of success among the ended, durations of the ended.
select
    count(*) as total,
    count_if(word = 'success')::bigint as success,
    count_if(word = 'error')::bigint as failed,
    count_if(word = 'running')::bigint as running,
    count_if(word = 'success') / nullif(count_if(word <> 'running'), 0) as success_rate,
    avg(duration_ns) / 1e6 as avg_ms,
    min(duration_ns) / 1e6 as min_ms,
    max(duration_ns) / 1e6 as max_ms,
    quantile_cont(duration_ns, 0.5) / 1e6 as p50_ms,
    quantile_cont(duration_ns, 0.95) / 1e6 as p95_ms,
    quantile_cont(duration_ns, 0.99) / 1e6 as p99_ms
from (
    select compat_status(status, 'running', 'success', 'error') as word, duration_ns
    from main.executions
    where $workflow_id is null or workflow_id = $workflow_id::varchar
)
order by total
