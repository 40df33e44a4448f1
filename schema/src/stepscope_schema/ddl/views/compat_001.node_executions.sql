-- Steps as the table of that name of older design 001 (R034, R035). Times are text, RFC 3339 in UTC.
create or replace view compat_001.node_executions as
select
    compat_id(execution_id, step_index) as id,   -- bigint: number that grows with the place in the execution
    execution_id,                                -- varchar: execution it belongs to
    node_id,                                     -- varchar: node of the workflow
    step_name as node_name,                      -- varchar: name of the node
    step_type as node_type,                      -- varchar: kind of node
    case status when 'skipped' then status when 'queued' then 'pending'
        else compat_status(status, 'running', 'success', 'error') end as status, -- varchar: pending, running, success, error or skipped
    compat_time(started_at) as started_at,       -- varchar: start; null: not started
    compat_time(ended_at) as completed_at,       -- varchar: end; null while it goes on
    compat_ms(duration_ns) as duration_ms,       -- bigint: between them
    compat_json(input) as input,                 -- varchar: JSON of its input
    compat_json(output) as output,               -- varchar: JSON of its output
    error_message,                               -- varchar: message of the error that ended it
    error_stack                                  -- varchar: stack of that error
from compat.step_parts
