-- Ended spans of one execution as a tree, for finding the step that made it fail.
-- $execution_id: the execution; $first_unix_nano, $last_start_unix_nano: see locate.sql.
-- Columns: trace_id, span_id, parent_span_id (null: root), role, status, step_id, step_name, attempt,
-- error_type, error_message, ended_at in nanoseconds since the epoch.
select
    trace_hex(trace_id) as trace_id,
    span_hex(span_id) as span_id,
    span_hex(parent_span_id) as parent_span_id,
    role,
    status,
    coalesce(step_id, span_hex(span_id)) as step_id,
    coalesce(step_name, name) as step_name,
    coalesce(attempt, 1) as attempt,
    error_type,
    error_message,
    end_time_unix_nano as ended_at
from stored.spans
where execution_id = $execution_id
    and start_time_unix_nano >= cast($first_unix_nano as ubigint)
    and start_time_unix_nano <= cast($last_start_unix_nano as ubigint)
    and live_phase is null and end_time_unix_nano > 0
order by ended_at, span_id
