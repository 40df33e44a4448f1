-- The least duration among the $limit longest tries of steps. What is null is not asked for:
-- $step: its name; $since: from this time on, ns; $until: before this time, ns.
-- Columns: least_ns, null: there is none.
select min(duration_ns) as least_ns
from (
    select a.duration_ns
    from attempts a
    where a.duration_ns is not null
        and true /* chosen */
        and ($step is null or a.step_name = $step::varchar)
        and ($since is null or a.started_at >= make_timestamp_ns($since::bigint))
        and ($until is null or a.started_at < make_timestamp_ns($until::bigint))
    order by a.duration_ns desc
    limit $limit
)
order by least_ns
