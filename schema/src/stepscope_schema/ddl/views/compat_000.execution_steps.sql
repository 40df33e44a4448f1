-- Steps as the table of that name of older design 000 (R002). Times are ms since 1970-01-01 UTC.
create or replace view compat_000.execution_steps as
select
    record_id as id,                         -- varchar: identity of the step
    execution_id,                            -- varchar: execution it belongs to
    node_id,                                 -- varchar: node of the workflow
    step_type as node_type,                  -- varchar: kind of node
    step_name as node_name,                  -- varchar: name of the node
    step_index,                              -- bigint: place among the steps, 0 to n-1
    epoch_ms(started_at) as started_at,      -- bigint: start; null: not started
    epoch_ms(ended_at) as completed_at,      -- bigint: end; null while it goes on
    compat_ms(duration_ns) as duration_ms,   -- bigint: between them
    case status when 'skipped' then status
        else compat_status(status, 'running', 'success', 'error') end as status, -- varchar: running, success, error or skipped
    compat_json(input) as input_data,        -- varchar: JSON of its input
    compat_json(output) as output_data,      -- varchar: JSON of its output
    error_message                            -- varchar: message of the error that ended it
from compat.step_parts
