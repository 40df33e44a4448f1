-- Steps that have ended as the table of that name of older design 003 (R100).
create or replace view compat_003.node_execution_results as
select
    record_id as id,                                    -- varchar: identity of the step
    execution_id,                                       -- varchar: execution it belongs to
    node_id,                                            -- varchar: node of the workflow
    step_name as node_name,                             -- varchar: name of the node
    case status when 'skipped' then status
        else compat_status(status, 'running', 'success', 'failed') end as status, -- varchar: success, failed or skipped
    cast(compat_json(output) as json) as output_data,   -- json: its output
    error_message as error,                             -- varchar: message of the error that ended it
    compat_ms(duration_ns) as duration_ms,              -- bigint: from start to end
    ingested_at as created_at -- timestamp_ns: when it was stored
from compat.step_parts
where ended_at is not null
