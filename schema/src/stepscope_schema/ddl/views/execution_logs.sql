-- Log records of executions. The execution is the one the record names, else the one of its span.
create or replace view execution_logs as
-- Not materialized: a filter on execution_id must reach stored.spans (5M spans: 48 ms, else 175).
with by_span as not materialized (
    -- A span id may be used again for the next attempt, and a log record must not double.
    select
        trace_id,
        span_id,
        execution_id,
        min(case when role = 'step' then coalesce(step_id, span_hex(span_id)) end) as step_id,
        min(case when role = 'step' then coalesce(step_name, name) end) as step_name
    from stored.spans
    where live_phase is null
    group by trace_id, span_id, execution_id
),
-- Two branches, so that a filter on execution_id reaches both tables.
assigned as (
    select l.* exclude (execution_id), l.execution_id, s.step_id, s.step_name
    from stored.log_records l
    left join by_span s using (trace_id, span_id, execution_id)
    where l.execution_id is not null
    union all
    select l.* exclude (execution_id), s.execution_id, s.step_id, s.step_name
    from stored.log_records l
    join by_span s on s.trace_id = l.trace_id and s.span_id = l.span_id
    where l.execution_id is null
)
select
    execution_id,                     -- varchar: execution the record belongs to
    coalesce(sequence, row_number() over (
        partition by execution_id
        order by coalesce(nullif(time_unix_nano, 0), observed_time_unix_nano), ingested_at
    ) - 1) as sequence,               -- bigint: position in the execution: the sender's, else the rank by time, from 0 (R065)
    time_of(coalesce(nullif(time_unix_nano, 0), observed_time_unix_nano)) as logged_at, -- timestamp_ns: LogRecord.time_unix_nano, else LogRecord.observed_time_unix_nano
    severity_number,                  -- integer: LogRecord.severity_number, 1 to 24
    severity_text,                    -- varchar: LogRecord.severity_text; null: empty
    event_name,                       -- varchar: LogRecord.event_name; null: empty
    body,                             -- varchar: LogRecord.body as text
    attributes,                       -- map(varchar, varchar): LogRecord.attributes as text
    step_id,                          -- varchar: step whose span the record was written in; null: none
    step_name,                        -- varchar: its name
    trace_hex(trace_id) as trace_id,  -- varchar: LogRecord.trace_id in 32 hex digits
    span_hex(span_id) as span_id,     -- varchar: LogRecord.span_id in 16 hex digits
    ingested_at                       -- timestamp_ns: when it was committed
from assigned
