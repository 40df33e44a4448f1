-- Executions as the table of that name of older design 000 (R001). Times are ms since 1970-01-01 UTC.
create or replace view compat_000.workflow_executions as
select
    e.execution_id as id,                                -- varchar: identity of the execution
    e.workflow_id,                                       -- varchar: identity of its workflow
    e.workflow_name,                                     -- varchar: name of its workflow
    compat_trigger(e.trigger_type) as trigger_type, -- varchar: webhook, schedule, manual, db_change, internal_event, or the sender's word
    compat_json(p.trigger_data) as trigger_data,         -- varchar: JSON of what the trigger brought; null: nothing
    compat_status(e.status, 'running', 'success', 'error') as status, -- varchar: running, success or error
    epoch_ms(coalesce(e.started_at, e.last_seen_at)) as started_at, -- bigint: start; first known moment when it was not told
    epoch_ms(e.ended_at) as completed_at,                -- bigint: end; null while it goes on
    compat_ms(e.duration_ns) as duration_ms,             -- bigint: between them
    e.error_message,                                     -- varchar: message of the error that ended it
    p.error_stack,                                       -- varchar: stack of that error
    compat_json(coalesce(p.attributes['stepscope.metadata'],
        nullif(cast(to_json(map_from_entries(list_filter(
            map_entries(p.attributes), lambda pair: not starts_with(pair.key, 'stepscope.live.')
        ))) as varchar), '{}'))) as metadata -- varchar: JSON: what the sender gave as metadata, else other attributes of its span
from main.executions e
left join compat.execution_parts p using (execution_id)
