-- Notes log records of the batch `incoming_logs` as signs of life of the open spans they were written
-- in. $now: time of the commit in ns.
update stored.open_spans o
set last_seen_unix_nano = greatest(o.last_seen_unix_nano, seen.seen)
from (
    select
        trace_id, span_id,
        least(max(coalesce(nullif(time_unix_nano, 0), observed_time_unix_nano)), $now) as seen
    from incoming_logs
    where trace_id is not null and span_id is not null
    group by all
) seen
where seen.trace_id = o.trace_id and seen.span_id = o.span_id
