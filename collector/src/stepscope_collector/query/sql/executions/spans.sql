-- Ended spans of one execution, as they are stored; what view attempts makes of them, and which of them made it
-- fail, stand in query/attempts.py and query/error_path.py. The view itself would scan all spans of all executions.
-- $execution_id: the execution; $first_unix_nano, $last_start_unix_nano: see locate.sql.
-- Columns: those of StoredSpan, times in nanoseconds since the epoch (UTC).
select
    rowid as row, role, is_folded, step_id, step_name, name, step_type, step_index, attempt, max_attempts,
    is_expected_retry, status, status_native, start_time_unix_nano as started_unix_nano,
    end_of(start_time_unix_nano, duration_ns, odd_end_unix_nano) as ended_unix_nano,
    error_type, error_message,
    dialect, cast(trace_id as varchar) as trace_id, span_id, parent_span_id,
    epoch_ns(ingested_at) as ingested_at
from stored.spans
where execution_id = $execution_id
    and start_time_unix_nano >= cast($first_unix_nano as ubigint)
    and start_time_unix_nano <= cast($last_start_unix_nano as ubigint)
    and live_phase is null and has_ended(odd_end_unix_nano)
