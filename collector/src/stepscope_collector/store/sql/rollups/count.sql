-- What the executions in table {executions} and their tries count, per hour, workflow, step and status,
-- placeholder into is a table to make of it, or nothing; the rules are those of views executions, attempts and step_stats.
-- $first, $last: between which starts all their spans lie, ns. $first_started, $last_started: the
-- same of the executions themselves, so that zone maps leave out most others. What else is asked of spans stands in rows:
-- a scan would else load what is known of these columns in every row group there is, see find_stored.
{into}
with chosen as materialized (
    select *
    from executions
    where (started_at is null or started_at
            between make_timestamp_ns($first_started) and make_timestamp_ns($last_started))
        and execution_id in (select execution_id from {executions})
), tries as (
    select
        execution_id, step_name, status,
        coalesce(attempt, 1) as attempt, time_of(start_time_unix_nano) as started_at,
        time_of(end_of(start_time_unix_nano, duration_ns, odd_end_unix_nano)) is not null as is_ended,
        duration_ns
    from stored.spans
    where row(role, is_folded, live_phase is null, has_ended(odd_end_unix_nano)) = row('step', false, true, true)
        and start_time_unix_nano >= $first and start_time_unix_nano <= $last
    union all
    select
        execution_id, coalesce(step_name, name), live_status(last_seen_unix_nano, silence_ns, 'lost'),
        coalesce(attempt, 1), time_of(start_time_unix_nano), false, null
    from stored.open_spans
    where role = 'step'
    union all
    select
        execution_id, coalesce(step_name, step_id),
        case when ended_unix_nano is null and status in ('running', 'retrying')
            then open_status(status, last_seen_unix_nano, silence_ns, 'lost') else status end,
        attempt, time_of(started_unix_nano), time_of(ended_unix_nano) is not null,
        duration_of(started_unix_nano, ended_unix_nano)
    from stored.attempts
    where started_unix_nano >= $first
), counted as (
    select
        started_at, workflow_id, project, null as step_name, status,
        ended_at is not null as is_ended, false as is_retry, duration_ns
    from chosen
    union all
    select
        t.started_at, c.workflow_id, c.project, t.step_name, t.status, t.is_ended, t.attempt > 1,
        t.duration_ns
    from tries t
    join chosen c on row(c.execution_id) = row(t.execution_id)
)
select
    hour_of(started_at) as hour_at,
    workflow_id,
    project,
    step_name,
    status,
    count(*) as count,
    count_if(is_ended) as ended,
    count_if(is_retry) as retries,
    count(duration_ns) as timed,
    coalesce(sum(duration_ns), 0) as total_ns,
    min(duration_ns) as min_ns,
    max(duration_ns) as max_ns,
    histogram(duration_bucket(duration_ns)) as buckets
from counted
group by all
