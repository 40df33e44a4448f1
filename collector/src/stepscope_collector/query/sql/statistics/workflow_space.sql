-- Rows of view workflow_space, at most $limit. What is null is not asked for:
-- $workflows: ids of workflows; $since: from this time on, ns; $until: before this time, ns.
-- Columns: those of the view, times in ns since the epoch (UTC).
select * replace (epoch_ns(day_at) as day_at)
from workflow_space
where ($workflows is null or list_contains($workflows::varchar[], workflow_id))
    and ($since is null or day_at >= make_timestamp_ns($since::bigint))
    and ($until is null or day_at < make_timestamp_ns($until::bigint))
order by payload_bytes + log_bytes desc, day_at desc nulls last, workflow_id
limit $limit
