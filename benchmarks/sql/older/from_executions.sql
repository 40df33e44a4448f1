-- Rows of design 001's executions, from our own.
select
    execution_id, workflow_id, workflow_name, if(status = 'failed', 'error', status),
    strftime(started_at, '%Y-%m-%dT%H:%M:%S.%f'), strftime(ended_at, '%Y-%m-%dT%H:%M:%S.%f'),
    duration_ns // 1000000, trigger_type, '{}', error_message, null, null,
    strftime(ingested_at, '%Y-%m-%dT%H:%M:%S.%f')
from executions
