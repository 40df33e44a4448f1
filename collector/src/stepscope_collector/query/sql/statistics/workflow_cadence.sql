-- Rows of view workflow_cadence, at most $limit. What is null is not asked for:
-- $workflows: ids of workflows.
-- Columns: those of the view, times in ns since the epoch (UTC).
select * replace (epoch_ns(last_started_at) as last_started_at, epoch_ns(due_at) as due_at, epoch_ns(late_after_at) as late_after_at)
from workflow_cadence
where ($workflows is null or list_contains($workflows::varchar[], workflow_id))
order by is_late desc, due_at nulls last, workflow_id
limit $limit
