-- One row per failure: every try of a step that failed or timed out, and every execution that did so
-- without such a try. A step around another that raised the same error again is left out.
create or replace view failures as
with tries as (
    select
        execution_id, step_name, coalesce(attempt, 1) as attempt,
        max_attempts, status, error_type, error_message,
        last_exception(events, 'exception.stacktrace') as error_stack,
        end_of(start_time_unix_nano, duration_ns, odd_end_unix_nano) as ended_unix_nano, trace_id, span_id, parent_span_id, resource_id
    from stored.spans
    where role = 'step' and not is_folded and live_phase is null and has_ended(odd_end_unix_nano)
        and status in ('failed', 'timed_out')
), others as (
    select
        execution_id, coalesce(step_name, step_id) as step_name, attempt, max_attempts, status,
        error_type, error_message, error_stack,
        coalesce(ended_unix_nano, last_seen_unix_nano) as ended_unix_nano,
        trace_id, span_id, parent_span_id
    from stored.attempts
    where status in ('failed', 'timed_out')
    union all
    select
        execution_id, null, null, null, status, error_type, error_message, null,
        final_end_unix_nano, case when final_span_id is not null then coalesce(final_trace_id, any_trace_id) end,
        final_span_id, 0
    from stored.executions
    where status in ('failed', 'timed_out') and final_end_unix_nano is not null
        and failed_attempt_count = 0
), senders as (
    -- a span id may be used again for the next try
    select trace_id, span_id, min(resource_id) as resource_id
    from stored.spans
    where trace_id in (select trace_id from others)
    group by trace_id, span_id
), named as not materialized (
    select *, error_fingerprint(error_type, error_message, error_stack) as fingerprint
    from (
        select * from tries
        union all by name
        select o.*, s.resource_id
        from others o
        left join senders s on s.trace_id = o.trace_id and s.span_id = o.span_id
    )
)
select
    n.fingerprint,       -- varchar: same for failures of one kind, see macro error_fingerprint
    n.execution_id,      -- varchar: execution it happened in
    coalesce(e.workflow_id, e.workflow_name, 'unknown') as workflow_id, -- varchar: identity of its workflow
    e.workflow_version,  -- varchar: version of the workflow's definition
    e.project,           -- varchar: project of the workflow
    n.step_name,         -- varchar: step that failed; null: the execution itself, in no step
    n.attempt,           -- integer: number of the try, from 1; null: the execution itself
    n.status,            -- varchar: failed or timed_out
    case when n.status = 'timed_out' then 'timeout'
        when n.max_attempts > 1 and n.attempt >= n.max_attempts then 'retry_exhausted'
        when n.step_name is null then 'execution_failure'
        else 'step_failure' end as error_class, -- varchar: timeout, retry_exhausted, execution_failure or step_failure (R115)
    n.error_type,        -- varchar: class of the error, as the sender names it
    n.error_message,     -- varchar: its message
    stack_frames(n.error_stack) as frames, -- varchar[]: up to three frames nearest to where it arose; empty: no stack
    time_of(n.ended_unix_nano) as failed_at, -- timestamp_ns: when
    r.service_name,      -- varchar: service.name of the sender
    r.attributes['host.name'] as host_name, -- varchar: host.name of the sender; null: not told
    trace_hex(n.trace_id) as trace_id, -- varchar: 32 hex digits
    span_hex(n.span_id) as span_id -- varchar: span that failed; 16 hex digits
from named n
left join stored.executions e on e.execution_id = n.execution_id
left join stored.resources r on r.resource_id = n.resource_id
where not exists (
    from named inner_one
    where inner_one.execution_id = n.execution_id and inner_one.parent_span_id = n.span_id
        and inner_one.error_type is not distinct from n.error_type
        and inner_one.error_message is not distinct from n.error_message
)
