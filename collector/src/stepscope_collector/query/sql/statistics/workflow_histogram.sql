-- Rows of view workflow_histogram, at most $limit. What is null is not asked for:
-- $workflows: ids of workflows.
-- Columns: those of the view, times in ns since the epoch (UTC).
select *
from workflow_histogram
where ($workflows is null or list_contains($workflows::varchar[], workflow_id))
order by workflow_id, bucket
limit $limit
