-- Rows of view workflow_regressions, at most $limit. What is null is not asked for:
-- $workflows: ids of workflows; $change: slower, faster or steady.
-- Columns: those of the view, times in ns since the epoch (UTC).
select * replace (epoch_ns(since_at) as since_at)
from workflow_regressions
where ($workflows is null or list_contains($workflows::varchar[], workflow_id))
    and ($change is null or change = $change::varchar)
order by ratio desc nulls last, workflow_id
limit $limit
