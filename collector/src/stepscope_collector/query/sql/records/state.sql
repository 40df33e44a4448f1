-- What must be known of an execution to say something later of it. $id: its id.
-- Columns: names, canonical status, times in ns, what the trigger brought, error, metadata, and the
-- span that ended it, which is null while it goes on.
select
    e.execution_id, e.workflow_id, e.workflow_name, e.status, e.trigger_type,
    epoch_ns(coalesce(e.started_at, e.last_seen_at)) as started_ns,
    epoch_ns(e.ended_at) as ended_ns,
    p.trigger_data, e.error_message, p.error_stack,
    p.attributes['stepscope.metadata'] as metadata,
    p.attributes['stepscope.trigger.native'] as trigger_native,
    e.span_id
from main.executions e
left join compat.execution_parts p using (execution_id)
where e.execution_id = $id
order by e.execution_id
