-- One row per step: its final attempt, how many attempts it took and when the first began. Windows take
-- seconds over a million rows, so only executions that have steps of several attempts go through those of
-- attempts, and only those whose steps were not told their index through the one that ranks them. A hash in
-- place of the step's id halves what finding them takes; where two are equal, windows decide as ever.
create or replace view steps as
with kinds as materialized (
    select
        execution_id as kind_id,
        max(attempts) = 1 as is_single,
        min(indexes) = 1 as is_told
    from (
        select execution_id, count(*) as attempts, count(step_index) as indexes
        from attempts
        group by execution_id, hash(step_id)
    )
    group by execution_id
), ranked as (
    select
        a.*,
        count(*) over step as attempt_count,
        min(started_at) over step as first_started_at,
        first_value(queued_at) over in_order as first_queued_at,
        first_value(wait_ns) over in_order as first_wait_ns,
        row_number() over (step order by attempt desc, started_at desc, span_id desc) as place
    from attempts a
    join kinds on kind_id = execution_id and not is_single
    window
        step as (partition by execution_id, step_id),
        in_order as (partition by execution_id, step_id order by attempt, started_at, span_id)
)
select
    execution_id,       -- varchar: execution the step belongs to
    coalesce(step_index, row_number() over (
        partition by execution_id order by first_started_at, span_id
    ) - 1) as step_index, -- bigint: position among the steps: the sender's, else the rank by first start, from 0 (R002)
    step_id,            -- varchar: identity of the step within its execution
    step_name,          -- varchar: name of the step
    step_type,          -- varchar: kind of step, open vocabulary
    attempt,            -- integer: number of the final attempt, from 1
    attempt_count,      -- bigint: attempts that were received
    max_attempts,       -- integer: tries the step's retry policy allows; null: no policy known
    is_expected_retry,  -- boolean: the retry policy expected the final attempt's error (R117)
    status,             -- varchar: canonical status of the final attempt
    status_native,      -- varchar: the sender's own word for the status
    first_queued_at as queued_at, -- timestamp_ns: when its first attempt was queued; null: not told
    first_wait_ns as wait_ns, -- bigint: from there to the start of that attempt; null: not told, or queued after the start
    first_started_at,   -- timestamp_ns: start of the first attempt
    started_at,         -- timestamp_ns: start of the final attempt
    ended_at,           -- timestamp_ns: end of the final attempt; null while it runs
    duration_ns,        -- bigint: of the final attempt; null while it runs
    last_seen_at,       -- timestamp_ns: newest sign of life of the final attempt
    error_type,         -- varchar: class of the error that ended the final attempt
    error_message,      -- varchar: message of that error
    error_stack,        -- varchar: stack of its last exception event
    dialect,            -- varchar: profile that mapped the span
    trace_id,           -- varchar: 32 hex digits
    span_id,            -- varchar: span of the final attempt; 16 hex digits
    parent_span_id,     -- varchar: 16 hex digits; null: root span
    ingested_at         -- timestamp_ns: when the final attempt was committed
from ranked
where place = 1
union all
select
    execution_id, coalesce(step_index, row_number() over (
        partition by execution_id order by started_at, span_id
    ) - 1), step_id, step_name, step_type, attempt, 1, max_attempts, is_expected_retry, status, status_native,
    queued_at, wait_ns, started_at, started_at, ended_at, duration_ns, last_seen_at, error_type, error_message,
    error_stack, dialect, trace_id, span_id, parent_span_id, ingested_at
from attempts
join kinds on kind_id = execution_id and is_single and not is_told
union all
select
    execution_id, step_index, step_id, step_name, step_type, attempt, 1, max_attempts, is_expected_retry, status,
    status_native, queued_at, wait_ns, started_at, started_at, ended_at, duration_ns, last_seen_at, error_type,
    error_message, error_stack, dialect, trace_id, span_id, parent_span_id, ingested_at
from attempts
left join (select kind_id from kinds where not (is_single and is_told)) on kind_id = execution_id
where kind_id is null
