-- What must be known of an execution to say something later of it. $id: its id.
-- Columns: names, canonical status, times in ns, what the trigger brought, error, metadata, and the
-- span that ended it, which is null while it goes on; what its process was; params as JSON.
select
    e.execution_id, e.workflow_id, e.workflow_name, e.status, e.trigger_type,
    epoch_ns(coalesce(e.started_at, e.last_seen_at)) as started_ns,
    epoch_ns(e.ended_at) as ended_ns,
    p.trigger_data, e.error_message, p.error_stack,
    p.attributes['stepscope.metadata'] as metadata,
    p.attributes['stepscope.trigger.native'] as trigger_native,
    e.span_id, e.exit_code, e.user_id, e.project, p.output,
    p.attributes['process.executable.path'] as binary_path,
    (
        select arg_max(body, ingested_at)
        from main.payloads
        where execution_id = $id and kind = 'params'
    ) as params
from main.executions e
left join compat.execution_parts p using (execution_id)
where e.execution_id = $id
order by e.execution_id
