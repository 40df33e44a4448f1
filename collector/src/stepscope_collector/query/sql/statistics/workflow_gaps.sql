-- Rows of view workflow_gaps, at most $limit. What is null is not asked for:
-- $workflows: ids of workflows; $since: from this time on, ns; $until: before this time, ns.
-- Columns: those of the view, times in ns since the epoch (UTC).
select * replace (epoch_ns(after_at) as after_at, epoch_ns(due_at) as due_at, epoch_ns(started_at) as started_at)
from workflow_gaps
where ($workflows is null or list_contains($workflows::varchar[], workflow_id))
    and ($since is null or due_at >= make_timestamp_ns($since::bigint))
    and ($until is null or due_at < make_timestamp_ns($until::bigint))
order by due_at desc, workflow_id
limit $limit
