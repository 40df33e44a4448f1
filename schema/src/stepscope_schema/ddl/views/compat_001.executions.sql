-- Executions as the table of that name of older design 001 (R032). Times are text, RFC 3339 in UTC.
create or replace view compat_001.executions as
with failed as (
    -- The leaf ends before what it makes fail.
    select execution_id, error_message, arg_min(step_id, (ended_at, span_id)) as step_id, min(ended_at) as ended_at
    from main.attempts
    where status in ('failed', 'timed_out')
    group by execution_id, error_message
),
first_failed as (
    select execution_id, arg_min(step_id, ended_at) as step_id
    from failed
    group by execution_id
)
select
    e.execution_id as id,                            -- varchar: identity of the execution
    e.workflow_id,                                   -- varchar: identity of its workflow
    e.workflow_name,                                 -- varchar: name of its workflow
    case e.status when 'queued' then 'pending'
        else compat_status(e.status, 'running', 'success', 'error') end as status, -- varchar: pending, running, success or error
    compat_time(coalesce(e.started_at, e.last_seen_at)) as started_at, -- varchar: start; first known moment when it was not told
    compat_time(e.ended_at) as completed_at,         -- varchar: end; null while it goes on
    compat_ms(e.duration_ns) as duration_ms,         -- bigint: between them
    case e.trigger_type when 'webhook' then 'http' when 'api' then 'http' when 'schedule' then 'scheduled'
        when 'cron' then 'scheduled' else coalesce(e.trigger_type, 'unknown') end as trigger_type, -- varchar: http, manual, scheduled, or the sender's word (R036)
    coalesce(compat_json(p.trigger_data), '{}') as trigger_data, -- varchar: JSON of what the trigger brought
    e.error_message,                                 -- varchar: message of the error that ended it
    p.error_stack,                                   -- varchar: stack of that error
    case when e.status in ('failed', 'timed_out')
        then coalesce(p.attributes['stepscope.error.node_id'], f.step_id, g.step_id) end as error_node_id, -- varchar: node that made it fail (R033)
    compat_time(e.ingested_at) as created_at         -- varchar: when it was stored
from main.executions e
left join compat.execution_parts p using (execution_id)
left join failed f -- one that was caught has another message
    on f.execution_id = e.execution_id and f.error_message = e.error_message
left join first_failed g on g.execution_id = e.execution_id
