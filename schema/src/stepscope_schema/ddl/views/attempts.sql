-- Every try of every step, running ones included.
create or replace view attempts as
select
    execution_id,                                       -- varchar: execution the step belongs to
    coalesce(step_id, span_hex(span_id)) as step_id,    -- varchar: identity of the step within its execution; its attempts share it
    step_name,                                          -- varchar: name of the step
    step_type,                                          -- varchar: kind of step, open vocabulary
    step_index,                                         -- integer: position among the steps as the sender told it, from 0; null: not told
    coalesce(attempt, 1) as attempt,                    -- integer: number of this try, from 1
    max_attempts,                                       -- integer: tries the step's retry policy allows; null: no policy known
    is_expected_retry,                                  -- boolean: the retry policy expected the error (R117)
    status,                                             -- varchar: canonical status
    status_native,                                      -- varchar: the sender's own word for the status
    cast(null as timestamp_ns) as queued_at,            -- timestamp_ns: when it was queued; null: not told
    cast(null as bigint) as wait_ns,                    -- bigint: from there to its start; null: not told, or queued after the start
    time_of(start_time_unix_nano) as started_at,        -- timestamp_ns: start
    time_of(end_of(start_time_unix_nano, duration_ns, odd_end_unix_nano)) as ended_at, -- timestamp_ns: end; null while it runs
    duration_ns,                                        -- bigint: from start to end; null while it runs, or the end is before the start
    time_of(greatest(start_time_unix_nano, end_of(start_time_unix_nano, duration_ns, odd_end_unix_nano))) as last_seen_at, -- timestamp_ns: newest sign of life
    error_type,                                         -- varchar: class of the error that ended it
    error_message,                                      -- varchar: message of that error
    case when error_type is not null or error_message is not null or status in ('failed', 'timed_out')
        then last_exception(events, 'exception.stacktrace') end as error_stack, -- varchar: stack of that error: of its last exception event
    dialect,                                            -- varchar: profile that mapped the span
    trace_hex(trace_id) as trace_id,                    -- varchar: 32 hex digits
    span_hex(span_id) as span_id,                       -- varchar: span of this try; 16 hex digits
    span_hex(parent_span_id) as parent_span_id,         -- varchar: 16 hex digits; null: root span
    ingested_at                                         -- timestamp_ns: when it was committed
from stored.spans
where role = 'step' and not is_folded and live_phase is null and has_ended(odd_end_unix_nano)
union all
select
    execution_id, coalesce(step_id, span_hex(span_id)), coalesce(step_name, name), step_type,
    step_index, coalesce(attempt, 1), max_attempts, null,
    case when start_time_unix_nano = 0 then 'queued'
        else live_status(last_seen_unix_nano, silence_ns, 'lost') end, null, null, null,
    time_of(start_time_unix_nano), null, null, time_of(last_seen_unix_nano),
    null, null, null, dialect,
    trace_hex(trace_id), span_hex(span_id), span_hex(parent_span_id), ingested_at
from stored.open_spans
where role = 'step'
union all
select
    execution_id, step_id, coalesce(step_name, step_id), step_type, step_index, attempt,
    max_attempts, is_expected_retry,
    case when ended_unix_nano is null and status in ('running', 'retrying')
        then open_status(status, last_seen_unix_nano, silence_ns, 'lost') else status end,
    status_native, time_of(queued_unix_nano),
    duration_of(queued_unix_nano, started_unix_nano), time_of(started_unix_nano), time_of(ended_unix_nano),
    duration_of(started_unix_nano, ended_unix_nano), time_of(last_seen_unix_nano),
    error_type, error_message, error_stack, dialect,
    trace_hex(trace_id), span_hex(span_id), span_hex(parent_span_id), ingested_at
from stored.attempts
