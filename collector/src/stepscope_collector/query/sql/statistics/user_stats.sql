-- Rows of view user_stats, at most $limit. What is null is not asked for:
-- $user.
-- Columns: those of the view, times in ns since the epoch (UTC).
select * replace (epoch_ns(first_started_at) as first_started_at, epoch_ns(last_started_at) as last_started_at)
from user_stats
where ($user is null or user_id = $user::varchar)
order by count desc, user_id
limit $limit
