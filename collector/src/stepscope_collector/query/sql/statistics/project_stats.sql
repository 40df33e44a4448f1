-- Rows of view project_stats, at most $limit. What is null is not asked for:
-- $project.
-- Columns: those of the view, times in ns since the epoch (UTC).
select * replace (epoch_ns(last_failed_at) as last_failed_at, epoch_ns(first_started_at) as first_started_at, epoch_ns(last_started_at) as last_started_at)
from project_stats
where ($project is null or project = $project::varchar)
order by count desc, project
limit $limit
