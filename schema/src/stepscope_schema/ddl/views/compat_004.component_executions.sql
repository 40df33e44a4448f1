-- Steps as the table of that name of older design 004 (R114, R115).
create or replace view compat_004.component_executions as
select
    record_id as id,                                    -- varchar: identity of the step
    execution_id as workflow_execution_id,              -- varchar: execution it belongs to
    node_id,                                            -- varchar: node of the workflow
    step_name as component_id,                          -- varchar: the component: the step's name
    step_name as component_name,                        -- varchar: name of the component
    case when status = 'queued' then 'pending' when status = 'lost' then 'failed'
        when status = 'retrying' or (status = 'running' and attempt > 1) then 'retrying'
        else compat_status(status, 'running', 'completed', 'failed') end as status, -- varchar: pending, running, completed, failed or retrying
    started_at, -- timestamp_ns: start of the first attempt; null: not started
    ended_at as completed_at, -- timestamp_ns: end; null while it goes on
    compat_ms(duration_ns) as duration_ms,              -- bigint: between them
    cast(compat_json(input) as json) as input_data,     -- json: its input
    cast(compat_json(output) as json) as output_data,   -- json: its output
    error_message,                                      -- varchar: message of the error that ended it
    case when status = 'timed_out' then 'timeout' when status = 'cancelled' then 'cancelled'
        when status = 'lost' then 'lost' when status <> 'failed' then null
        when max_attempts > 1 and attempt >= max_attempts then 'retry_exhausted'
        else 'activity_failure' end as error_type,      -- varchar: activity_failure, timeout, retry_exhausted, cancelled or lost; null: no error
    attempt_count - 1 as retry_count,                   -- bigint: attempts beyond the first
    coalesce(is_expected_retry, false) as is_expected_retry, -- boolean: its retry policy expected the error
    span_id as temporal_activity_id,                    -- varchar: span of the final attempt
    attempt as temporal_attempt,                        -- integer: number of the final attempt, from 1
    ingested_at as created_at -- timestamp_ns: when it was stored
from compat.step_parts
