-- Executions as the table of that name of older design 002 (R061, R062, R063). Times are text, RFC 3339 in UTC.
create or replace view compat_002.executions as
select
    e.execution_id as id,                        -- varchar: identity of the execution, the handle
    e.workflow_id,                               -- varchar: identity of its workflow
    e.workflow_name,                             -- varchar: name of its workflow
    case e.status when 'queued' then 'NotStarted' when 'lost' then 'Failed'
        else compat_status(e.status, 'Running', 'Completed', 'Failed') end as status, -- varchar: NotStarted, Running, Completed or Failed
    compat_time(coalesce(e.started_at, e.last_seen_at)) as start_time, -- varchar: start; first known moment when it was not told
    compat_time(e.ended_at) as end_time,         -- varchar: end; null while it goes on, and of what was lost
    e.exit_code,                                 -- integer: exit code of its process
    p.attributes['process.executable.path'] as binary_path, -- varchar: program it stood for
    compat_time(e.ingested_at) as created_at,    -- varchar: when it was stored
    compat_time(e.updated_at) as updated_at      -- varchar: when it was changed last
from main.executions e
left join compat.execution_parts p using (execution_id)
