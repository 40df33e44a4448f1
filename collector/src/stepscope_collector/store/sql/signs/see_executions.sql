-- Notes them at the executions of those open spans, too. $now: time of the commit in ns.
update stored.executions e
set last_seen_unix_nano = greatest(e.last_seen_unix_nano, s.seen)
from (
    select o.execution_id, max(seen.seen) as seen
    from stored.open_spans o
    join (
        select
            trace_id, span_id,
            least(max(coalesce(nullif(time_unix_nano, 0), observed_time_unix_nano)), $now) as seen
        from incoming_logs
        where trace_id is not null and span_id is not null
        group by all
    ) seen on seen.trace_id = o.trace_id and seen.span_id = o.span_id
    group by all
) s
where e.execution_id = s.execution_id and e.final_end_unix_nano is null
