-- Rows of view workflow_hours, at most $limit. What is null is not asked for:
-- $workflows: ids of workflows; $since: from this time on, ns; $until: before this time, ns.
-- Columns: those of the view, times in ns since the epoch (UTC).
select * replace (epoch_ns(hour_at) as hour_at)
from workflow_hours
where ($workflows is null or list_contains($workflows::varchar[], workflow_id))
    and ($since is null or hour_at >= make_timestamp_ns($since::bigint))
    and ($until is null or hour_at < make_timestamp_ns($until::bigint))
order by hour_at desc nulls last, workflow_id
limit $limit
