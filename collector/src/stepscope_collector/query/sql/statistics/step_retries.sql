-- Rows of view step_retries, at most $limit. What is null is not asked for:
-- $workflows: ids of workflows; $step: its name.
-- Columns: those of the view, times in ns since the epoch (UTC).
select * replace (epoch_ns(last_flaky_at) as last_flaky_at)
from step_retries
where ($workflows is null or list_contains($workflows::varchar[], workflow_id))
    and ($step is null or step_name = $step::varchar)
order by delay_ns desc, flaky_steps desc, workflow_id, step_name
limit $limit
