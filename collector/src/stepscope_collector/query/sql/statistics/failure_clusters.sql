-- Rows of view failure_clusters, at most $limit. What is null is not asked for:
-- $workflows: ids of workflows; $fingerprint; $since: from this time on, ns; $until: before this time, ns.
-- Columns: those of the view, times in ns since the epoch (UTC).
select * replace (epoch_ns(first_seen_at) as first_seen_at, epoch_ns(last_seen_at) as last_seen_at)
from failure_clusters
where ($workflows is null or list_has_any($workflows::varchar[], workflows))
    and ($fingerprint is null or fingerprint = $fingerprint::varchar)
    and ($since is null or last_seen_at >= make_timestamp_ns($since::bigint))
    and ($until is null or last_seen_at < make_timestamp_ns($until::bigint))
order by count desc, last_seen_at desc nulls last, fingerprint
limit $limit
