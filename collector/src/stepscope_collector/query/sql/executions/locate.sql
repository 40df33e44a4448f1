-- The row of one execution as it is stored, with what tells whether one that has not ended is lost; what view
-- executions makes of it stands in query/place.py. By its number, because only so scans skip all other row
-- groups: forty columns of a million executions take 7 ms by the key, 1 ms by the number. And a statement of
-- its own, because only values let scans of the large tables do so: a join on the bounds does not. In these
-- statements nothing is sorted, which would take a third of their time.
-- $row: number of the row, see rows_of.sql.
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
where rowid = $row
