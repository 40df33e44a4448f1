-- Log records of executions in order: the execution is the one the record names, else the one of
-- its span. sequence is the sender's, else the rank by time within the execution (R065).
create or replace view execution_logs as
with assigned as (
    select
        coalesce(l.execution_id, s.execution_id) as execution_id,
        coalesce(s.step_id, span_hex(case when s.role = 'step' then s.span_id end)) as step_id,
        s.step_name,
        l.*
            exclude (execution_id)
    from stored.log_records l
    left join stored.spans s
        on s.trace_id = l.trace_id and s.span_id = l.span_id and s.live_phase is null
)
select
    execution_id,
    coalesce(sequence, row_number() over (
        partition by execution_id
        order by coalesce(nullif(time_unix_nano, 0), observed_time_unix_nano), ingested_at
    ) - 1) as sequence,
    time_of(coalesce(nullif(time_unix_nano, 0), observed_time_unix_nano)) as logged_at,
    severity_number,
    severity_text,
    event_name,
    body,
    attributes,
    step_id,
    step_name,
    trace_hex(trace_id) as trace_id,
    span_hex(span_id) as span_id,
    ingested_at
from assigned
where execution_id is not null
