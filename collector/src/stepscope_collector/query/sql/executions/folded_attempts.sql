-- Tries of the steps of one execution that several spans or events tell together, as they are stored.
-- $execution_id: the execution; $first_unix_nano: see locate.sql.
-- Columns: those of _Try, times in nanoseconds since the epoch (UTC).
select
    step_id, step_name, step_type, step_index, attempt, max_attempts, is_expected_retry, status,
    status_native, queued_unix_nano, started_unix_nano, ended_unix_nano, last_seen_unix_nano,
    silence_ns, error_type, error_message, error_stack, dialect, cast(trace_id as varchar) as trace_id,
    span_id, parent_span_id, epoch_ns(ingested_at) as ingested_at
from stored.attempts
where execution_id = $execution_id
    and started_unix_nano >= cast($first_unix_nano as ubigint)
