-- Rows of view version_stats, at most $limit. What is null is not asked for:
-- $workflows: ids of workflows; $version.
-- Columns: those of the view, times in ns since the epoch (UTC).
select * replace (epoch_ns(first_started_at) as first_started_at, epoch_ns(last_started_at) as last_started_at)
from version_stats
where ($workflows is null or list_contains($workflows::varchar[], workflow_id))
    and ($version is null or workflow_version = $version::varchar)
order by last_started_at desc nulls last, workflow_id, workflow_version
limit $limit
