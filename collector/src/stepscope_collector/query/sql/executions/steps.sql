-- View steps for one execution, in order of step_index. Repeats the view with the bounds, for the
-- reason in attempts.sql.
-- $execution_id: the execution; $first_unix_nano, $last_start_unix_nano: see locate.sql.
-- Columns: those of view steps, times in nanoseconds since the epoch (UTC).
with tries as (
    select
        coalesce(step_id, span_hex(span_id)) as step_id, coalesce(step_name, name) as step_name,
        step_type, step_index, coalesce(attempt, 1) as attempt, max_attempts, is_expected_retry,
        coalesce(status, 'unknown') as status, status_native,
        cast(null as timestamp_ns) as queued_at, cast(null as bigint) as wait_ns,
        time_of(start_time_unix_nano) as started_at, time_of(end_time_unix_nano) as ended_at,
        duration_of(start_time_unix_nano, end_time_unix_nano) as duration_ns,
        time_of(greatest(start_time_unix_nano, end_time_unix_nano)) as last_seen_at,
        error_type, error_message,
        list_filter(events, lambda e: e.name = 'exception')[-1]
            .attributes['exception.stacktrace'] as error_stack,
        dialect, trace_hex(trace_id) as trace_id, span_hex(span_id) as span_id,
        span_hex(parent_span_id) as parent_span_id, ingested_at
    from stored.spans
    where execution_id = $execution_id
        and start_time_unix_nano >= cast($first_unix_nano as ubigint)
        and start_time_unix_nano <= cast($last_start_unix_nano as ubigint)
        and role = 'step' and not is_folded and live_phase is null and end_time_unix_nano > 0
    union all
    select
        coalesce(step_id, span_hex(span_id)), coalesce(step_name, name), step_type, step_index,
        coalesce(attempt, 1), max_attempts, null, live_status(last_seen_unix_nano, silence_ns, 'lost'), null, null, null,
        time_of(start_time_unix_nano), null, null, time_of(last_seen_unix_nano), null, null, null,
        dialect, trace_hex(trace_id), span_hex(span_id), span_hex(parent_span_id), ingested_at
    from stored.open_spans
    where execution_id = $execution_id and role = 'step'
    union all
    select
        step_id, coalesce(step_name, step_id), step_type, step_index, attempt, max_attempts,
        is_expected_retry,
        case when ended_unix_nano is null and status in ('running', 'retrying')
            then open_status(status, last_seen_unix_nano, silence_ns, 'lost') else status end,
        status_native, time_of(queued_unix_nano),
        duration_of(queued_unix_nano, started_unix_nano), time_of(started_unix_nano), time_of(ended_unix_nano),
        duration_of(started_unix_nano, ended_unix_nano), time_of(last_seen_unix_nano),
        error_type, error_message, error_stack, dialect, trace_hex(trace_id), span_hex(span_id),
        span_hex(parent_span_id), ingested_at
    from stored.attempts
    where execution_id = $execution_id
        and started_unix_nano >= cast($first_unix_nano as ubigint)
), ranked as (
    select
        *,
        count(*) over step as attempt_count,
        min(started_at) over step as first_started_at,
        first_value(queued_at) over in_order as first_queued_at,
        first_value(wait_ns) over in_order as first_wait_ns,
        row_number() over (step order by attempt desc, started_at desc, span_id desc) as place
    from tries
    window
        step as (partition by step_id),
        in_order as (partition by step_id order by attempt, started_at, span_id)
)
select
    $execution_id as execution_id,
    coalesce(step_index, row_number() over (order by first_started_at, span_id) - 1) as step_index,
    step_id,
    step_name,
    step_type,
    attempt,
    attempt_count,
    max_attempts,
    is_expected_retry,
    status,
    status_native,
    epoch_ns(first_queued_at) as queued_at,
    first_wait_ns as wait_ns,
    epoch_ns(first_started_at) as first_started_at,
    epoch_ns(started_at) as started_at,
    epoch_ns(ended_at) as ended_at,
    duration_ns,
    epoch_ns(last_seen_at) as last_seen_at,
    error_type,
    error_message,
    error_stack,
    dialect,
    trace_id,
    span_id,
    parent_span_id,
    epoch_ns(ingested_at) as ingested_at
from ranked
where place = 1
order by step_index, first_started_at, span_id
