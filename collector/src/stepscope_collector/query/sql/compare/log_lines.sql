-- How often an execution logged each line, ids and numbers in it aside. Assigns records to steps as
-- logs/of_execution.sql does.
-- $execution_id: the execution; $first_unix_nano, $last_start_unix_nano: see executions/locate.sql;
-- $limit: rows at most.
-- Columns: step_name, severity_number, line (first line of the body, at most 300 characters, as macro
-- without_ids has it), count, first_logged_at in nanoseconds since the epoch.
with own as materialized (
    select
        trace_id,
        span_id,
        min(case when role = 'step' then coalesce(step_name, name) end) as step_name
    from stored.spans
    where execution_id = $execution_id
        and start_time_unix_nano >= cast($first_unix_nano as ubigint)
        and start_time_unix_nano <= cast($last_start_unix_nano as ubigint)
        and live_phase is null
    group by trace_id, span_id
), assigned as (
    select l.*, s.step_name
    from stored.log_records l
    left join own s using (trace_id, span_id)
    where l.execution_key = execution_key($execution_id) and l.execution_id = $execution_id
    union all
    select l.*, s.step_name
    from stored.log_records l
    join own s on s.trace_id = l.trace_id and s.span_id = l.span_id
    where l.execution_id is null
)
select
    step_name,
    severity_number,
    without_ids(left(split_part(coalesce(body, event_name, ''), chr(10), 1), 300)) as line,
    count(*) as count,
    min(epoch_ns(time_of(coalesce(nullif(time_unix_nano, 0), observed_time_unix_nano))))
        as first_logged_at
from assigned
group by step_name, severity_number, line
order by first_logged_at, step_name, severity_number, line
limit $limit
