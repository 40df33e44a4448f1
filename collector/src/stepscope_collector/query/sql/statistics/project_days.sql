-- Rows of view project_days, at most $limit. What is null is not asked for:
-- $project; $since: from this time on, ns; $until: before this time, ns.
-- Columns: those of the view, times in ns since the epoch (UTC).
select * replace (epoch_ns(day_at) as day_at)
from project_days
where ($project is null or project = $project::varchar)
    and ($since is null or day_at >= make_timestamp_ns($since::bigint))
    and ($until is null or day_at < make_timestamp_ns($until::bigint))
order by day_at desc nulls last, project
limit $limit
