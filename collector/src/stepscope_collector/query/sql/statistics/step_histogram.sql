-- Rows of view step_histogram, at most $limit. What is null is not asked for:
-- $workflows: ids of workflows; $step: its name.
-- Columns: those of the view, times in ns since the epoch (UTC).
select *
from step_histogram
where ($workflows is null or list_contains($workflows::varchar[], workflow_id))
    and ($step is null or step_name = $step::varchar)
order by workflow_id, step_name, bucket
limit $limit
