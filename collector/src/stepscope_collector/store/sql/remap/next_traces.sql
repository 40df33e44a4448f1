-- The traces after a position, in the order of their first spans, at most $most.
-- $position_unix_nano, $position_trace_id: the last one done; $since: least start in ns of some span.
-- A trace that also has an older row may come twice, which changes nothing.
select trace_id, min(first_start_unix_nano) as first_start
from stored.traces
where first_start_unix_nano >= $position_unix_nano
group by trace_id
having max(last_start_unix_nano) >= $since
    and (min(first_start_unix_nano), trace_id) > ($position_unix_nano, $position_trace_id)
order by first_start, trace_id
limit $most
