-- Rows of view failures, at most $limit. What is null is not asked for:
-- $workflows: ids of workflows; $step: its name; $fingerprint; $since: from this time on, ns; $until: before this time, ns.
-- Columns: those of the view, times in ns since the epoch (UTC).
select * replace (epoch_ns(failed_at) as failed_at)
from failures
where ($workflows is null or list_contains($workflows::varchar[], workflow_id))
    and ($step is null or step_name = $step::varchar)
    and ($fingerprint is null or fingerprint = $fingerprint::varchar)
    and ($since is null or failed_at >= make_timestamp_ns($since::bigint))
    and ($until is null or failed_at < make_timestamp_ns($until::bigint))
order by failed_at desc nulls last, span_id
limit $limit
