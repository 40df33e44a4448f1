-- View step_stats over the steps of chosen executions, the most total time first. The filter
-- compiler puts conditions in the place of the marked line.
-- $first_unix_nano, $last_start_unix_nano: between which starts all spans of the chosen executions
-- lie, see stats/bounds.sql.
-- Columns: those of view step_stats.
with chosen as materialized (
    select execution_id, workflow_id
    from executions as e
    where true /* filter */
), tries as (
    select
        execution_id,
        step_name,
        status,
        coalesce(attempt, 1) as attempt,
        -- as view attempts has it: an end beyond the year 2262 is none
        end_of(start_time_unix_nano, duration_ns, odd_end_unix_nano) <= 9223372036854775806
            as is_ended,
        duration_ns
    from stored.spans
    where role = 'step' and not is_folded and live_phase is null and has_ended(odd_end_unix_nano)
        and start_time_unix_nano >= cast($first_unix_nano as ubigint)
        and start_time_unix_nano <= cast($last_start_unix_nano as ubigint)
    union all
    select
        execution_id, coalesce(step_name, name), live_status(last_seen_unix_nano, silence_ns, 'lost'),
        coalesce(attempt, 1), false, null
    from stored.open_spans
    where role = 'step'
    union all
    select
        execution_id, coalesce(step_name, step_id),
        case when ended_unix_nano is null and status in ('running', 'retrying')
            then open_status(status, last_seen_unix_nano, silence_ns, 'lost') else status end,
        attempt, ended_unix_nano <= 9223372036854775806,
        duration_of(started_unix_nano, ended_unix_nano)
    from stored.attempts
    where started_unix_nano >= cast($first_unix_nano as ubigint)
), grouped as (
    select
        c.workflow_id,
        t.step_name,
        count(*) as count,
        count_if(t.status = 'success')::bigint as success,
        count_if(t.status in ('failed', 'timed_out'))::bigint as failed,
        count_if(t.status = 'running')::bigint as running,
        count_if(t.attempt > 1)::bigint as retries,
        count_if(t.is_ended)::bigint as ended,
        count_if(t.is_ended and t.status = 'success')::bigint as ended_success,
        min(t.duration_ns) as min_ns,
        avg(t.duration_ns) as mean_ns,
        max(t.duration_ns) as max_ns,
        sum(t.duration_ns) as total_ns,
        quantile_cont(t.duration_ns, [0.5, 0.95, 0.99]) as quantiles_ns
    from tries t
    join chosen c using (execution_id)
    group by c.workflow_id, t.step_name
)
select
    workflow_id,
    step_name,
    count,
    success,
    failed,
    running,
    retries,
    ended_success / nullif(ended, 0) as success_rate,
    min_ns,
    mean_ns,
    max_ns,
    total_ns,
    total_ns / nullif(sum(total_ns) over (partition by workflow_id), 0) as time_ratio,
    quantiles_ns[1] as p50_ns,
    quantiles_ns[2] as p95_ns,
    quantiles_ns[3] as p99_ns
from grouped
order by total_ns desc nulls last, workflow_id, step_name
