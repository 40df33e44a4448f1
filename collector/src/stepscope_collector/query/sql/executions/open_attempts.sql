-- Tries of the steps of one execution that go on, as they are stored.
-- $execution_id: the execution.
-- Columns: those of _Try, times in nanoseconds since the epoch (UTC).
select
    step_id, step_name, name, step_type, step_index, attempt, max_attempts,
    start_time_unix_nano as started_unix_nano, last_seen_unix_nano, silence_ns, dialect,
    cast(trace_id as varchar) as trace_id, span_id, parent_span_id,
    epoch_ns(ingested_at) as ingested_at
from stored.open_spans
where execution_id = $execution_id and role = 'step'
