-- Rows of design 001's node_executions, from our own.
select
    execution_id, step_id, step_name, step_type, if(status = 'failed', 'error', status),
    strftime(started_at, '%Y-%m-%dT%H:%M:%S.%f'), strftime(ended_at, '%Y-%m-%dT%H:%M:%S.%f'),
    duration_ns // 1000000, null, null, error_message, null
from attempts
