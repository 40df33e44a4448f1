-- Executions as the table of that name of older design 001 (R032). Times are text, RFC 3339 in UTC.
create or replace view compat_001.executions as
with failed as (
    select
        s.execution_id,
        -- The leaf ends before what it makes fail; one that was caught has another message.
        arg_min(s.node_id, (s.error_message is distinct from e.error_message, s.ended_at, s.span_id)) as node_id
    from compat.step_parts s
    join main.executions e using (execution_id)
    where s.status in ('failed', 'timed_out')
    group by s.execution_id
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
        then coalesce(p.attributes['stepscope.error.node_id'], f.node_id) end as error_node_id, -- varchar: node that made it fail (R033)
    compat_time(e.ingested_at) as created_at         -- varchar: when it was stored
from main.executions e
left join compat.execution_parts p using (execution_id)
left join failed f using (execution_id)
