-- A page of executions in the words of design 000.
-- $workflow_id, $status (running, success or error), $trigger_type: null: any; $after_ms, $before_ms:
-- started then or later, before then, null: any time; $order_by: started_at or duration_ms;
-- $sign: 1 upwards, -1 downwards; $limit; $offset. Column: their ids.
select execution_id as id
from main.executions
where ($workflow_id is null or workflow_id = $workflow_id::varchar)
    and ($status is null or compat_status(status, 'running', 'success', 'error') = $status::varchar)
    and ($trigger_type is null or compat_trigger(trigger_type) = $trigger_type::varchar)
    and ($after_ms is null or epoch_ms(started_at) >= $after_ms)
    and ($before_ms is null or epoch_ms(started_at) < $before_ms)
order by
    $sign * case when $order_by::varchar = 'duration_ms' then compat_ms(duration_ns)
        else epoch_ms(started_at) end nulls last, execution_id
limit $limit offset $offset
