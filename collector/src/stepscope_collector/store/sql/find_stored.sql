-- How many staged spans may already be stored: same trace, span id and start.
-- $first, $last: least and greatest start of the batch in ns; they let the scan skip row groups.
select count(*) as candidates
from staged m
where exists (
    from stored.spans s
    where s.span_id = m.span_id
        and s.trace_id = m.trace_id
        and s.start_time_unix_nano = m.start_time_unix_nano
        and s.start_time_unix_nano between $first and $last
)
