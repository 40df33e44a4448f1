-- How many staged spans may already be stored: same trace, span id and start.
-- $first, $last: least and greatest start of the batch in ns; they let the scan skip row groups. The ids are compared
-- as one value: by plain columns the engine would try to skip row groups as well, which ids at random never allow, and
-- for that it would load, and keep, what it knows of both columns in every row group there is (`Database.renew`).
select count(*) as candidates
from staged m
semi join (from stored.spans where start_time_unix_nano between $first and $last) s
    on s.start_time_unix_nano = m.start_time_unix_nano
    and row(s.trace_id, s.span_id) = row(m.trace_id, m.span_id)
