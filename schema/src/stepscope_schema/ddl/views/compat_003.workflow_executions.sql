-- Executions as the table of that name of older design 003 (R097, R098, R099).
create or replace view compat_003.workflow_executions as
select
    e.execution_id as id,                                    -- varchar: identity of the execution
    e.workflow_id,                                           -- varchar: identity of its workflow
    e.user_id,                                               -- varchar: who it ran for; null: not told
    case when e.status in ('queued', 'partial') then e.status
        else compat_status(e.status, 'running', 'success', 'failed') end as status, -- varchar: queued, running, success, failed or partial
    e.started_at,     -- timestamp_ns: start
    e.ended_at as completed_at,     -- timestamp_ns: end; null while it goes on
    compat_ms(e.duration_ns) as duration_ms,                 -- bigint: between them
    cast(compat_json(p.output) as json) as final_output,     -- json: its result, apart from that of its last step
    e.error_message as error,                                -- varchar: message of the error that ended it
    e.ingested_at as created_at -- timestamp_ns: when it was stored
from main.executions e
left join compat.execution_parts p using (execution_id)
