-- Every try of every step, running ones included.
create or replace view attempts as
select
    execution_id,
    coalesce(step_id, span_hex(span_id)) as step_id,
    coalesce(step_name, name) as step_name,
    step_type,
    step_index,
    coalesce(attempt, 1) as attempt,
    max_attempts,
    is_expected_retry,
    status,
    status_native,
    time_of(start_time_unix_nano) as started_at,
    time_of(end_time_unix_nano) as ended_at,
    duration_of(start_time_unix_nano, end_time_unix_nano) as duration_ns,
    time_of(greatest(start_time_unix_nano, end_time_unix_nano)) as last_seen_at,
    error_type,
    error_message,
    list_filter(events, lambda e: e.name = 'exception')[-1]
        .attributes['exception.stacktrace'] as error_stack,
    dialect,
    trace_hex(trace_id) as trace_id,
    span_hex(span_id) as span_id,
    span_hex(parent_span_id) as parent_span_id,
    ingested_at
from stored.spans
where role = 'step' and live_phase is null and end_time_unix_nano > 0
union all
select
    execution_id, coalesce(step_id, span_hex(span_id)), coalesce(step_name, name), step_type,
    step_index, coalesce(attempt, 1), max_attempts, null,
    live_status(last_seen_unix_nano, 'lost'), null,
    time_of(start_time_unix_nano), null, null, time_of(last_seen_unix_nano),
    null, null, null, dialect,
    trace_hex(trace_id), span_hex(span_id), span_hex(parent_span_id), ingested_at
from stored.open_spans
where role = 'step'
