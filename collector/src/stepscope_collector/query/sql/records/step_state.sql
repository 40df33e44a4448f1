-- What must be known of a step to say something later of it. $id: its id; $ids: executions that may hold it.
-- Columns: names, canonical status, times in ns, payloads and error, span and number of
-- the final attempt.
select
    execution_id, step_id, record_id, node_id, step_name, step_type, step_index, status,
    epoch_ns(started_at) as started_ns, epoch_ns(ended_at) as ended_ns, input, output, error_message, error_stack,
    span_id, attempt
from compat.step_parts
where record_id = $id and execution_id in (select unnest($ids::varchar[]))
order by execution_id
