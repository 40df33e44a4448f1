-- Executions that go on without a word since $before (ns) and send no heartbeats. Those of our own SDK do: when
-- heartbeats stay away, that says enough.
-- Columns: execution_id, workflow, silence_ns (null: as the setting says).
select execution_id, coalesce(workflow_id, workflow_name) as workflow, silence_ns
from stored.executions
where final_end_unix_nano is null
    and last_seen_unix_nano < $before
    and coalesce(dialect, 'otel') <> 'stepscope'
    and coalesce(workflow_id, workflow_name) is not null
order by execution_id
