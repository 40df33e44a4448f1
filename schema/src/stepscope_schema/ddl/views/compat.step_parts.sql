-- Steps with their input and output, and the id of the node they stand for.
create or replace view compat.step_parts as
with told as (
    select
        execution_id,
        trace_id,
        span_id,
        arg_max(body, ingested_at) filter (where kind = 'input') as input,
        arg_max(body, ingested_at) filter (where kind = 'output') as output
    from main.payloads
    where kind in ('input', 'output')
    group by execution_id, trace_id, span_id
),
nodes as (
    select
        execution_id,
        step_id,
        any_value(attributes['stepscope.node.id']) as node_id,
        any_value(attributes['stepscope.record.id']) as record_id
    from stored.spans
    where role = 'step'
        and (attributes['stepscope.node.id'] is not null or attributes['stepscope.record.id'] is not null)
    group by execution_id, step_id
)
select
    s.execution_id,                                -- varchar: execution the step belongs to
    s.step_id,                                     -- varchar: identity of the step within its execution
    coalesce(n.record_id, s.execution_id || ':' || s.step_id) as record_id, -- varchar: identity among all steps
    coalesce(n.node_id, s.step_id) as node_id,     -- varchar: node of the workflow that it carried out
    s.step_name,                                   -- varchar: name of the step
    coalesce(s.step_type, 'unknown') as step_type, -- varchar: kind of step
    row_number() over (
        partition by s.execution_id order by s.step_index, s.first_started_at, s.step_id
    ) - 1 as step_index,                           -- bigint: place among the steps, 0 to n-1 without gap
    case when s.started_at is null and s.ended_at is null and s.status in ('running', 'lost')
        then 'queued' else s.status end as status, -- varchar: canonical status; queued: known and not started
    s.first_started_at as started_at,              -- timestamp_ns: start of its first attempt; null: not started
    s.ended_at,                                    -- timestamp_ns: end of its final attempt; null while it goes on
    duration_of(epoch_ns(s.first_started_at), epoch_ns(s.ended_at)) as duration_ns, -- bigint: between them
    t.input,                                       -- varchar: input of the final attempt, as it was sent
    t.output,                                      -- varchar: output of the final attempt, as it was sent
    s.error_type,                                  -- varchar: class of the error that ended it
    s.error_message,                               -- varchar: message of that error
    s.error_stack,                                 -- varchar: stack of that error
    s.attempt,                                     -- integer: number of its final attempt, from 1
    s.attempt_count,                               -- bigint: its attempts
    s.max_attempts,                                -- integer: tries its retry policy allows; null: no policy known
    s.is_expected_retry,                           -- boolean: the policy expected the final attempt's error
    s.span_id,                                     -- varchar: span of its final attempt
    s.ingested_at                                  -- timestamp_ns: when that was committed
from main.steps s
left join told t
    on t.execution_id = s.execution_id and t.trace_id = s.trace_id and t.span_id = s.span_id
left join nodes n on n.execution_id = s.execution_id and n.step_id = s.step_id
