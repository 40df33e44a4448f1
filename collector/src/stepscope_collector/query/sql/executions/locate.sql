-- The row of one execution as it is stored, and those of others whose ids have the same key, with what tells
-- whether one that has not ended is lost; what view executions makes of it stands in query/place.py. A
-- statement of its own, because only values let scans of the large tables skip row groups: a join on the
-- bounds does not. Who asks compares the id: a million keys take 2.7 ms of CPU, a million ids 30, and DuckDB
-- tries now and then which to compare first.
-- $id: execution id.
-- Columns: those of Place, times in nanoseconds since the epoch (UTC).
select
    execution_id, workflow_id, workflow_name, execution_name, workflow_version, project, dialect,
    service_name, trigger_type, user_id, session_id, try_cast(tags as json) as tags, status,
    status_native, queued_unix_nano, epoch_ns(started_at) as started_at, started_unix_nano,
    final_end_unix_nano, last_seen_unix_nano, silence_ns, error_type, error_message, exit_code,
    parent_execution_id, retry_of_execution_id, continued_from_execution_id, try_count,
    root_execution_id, cast(coalesce(final_trace_id, any_trace_id) as varchar) as trace_id,
    final_span_id, attempt_count, failed_attempt_count, span_count,
    epoch_ns(ingested_at) as ingested_at, epoch_ns(updated_at) as updated_at, first_unix_nano,
    last_start_unix_nano, epoch_ns(current_timestamp) as now_ns, lost_after_ns() as lost_after_ns
from stored.executions
where execution_key = execution_key($id)
order by first_unix_nano
