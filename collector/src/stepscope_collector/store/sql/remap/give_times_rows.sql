-- Gives the rows of stored.{table} that were mapped anew the time of their first commit. $first, $last:
-- bounds of the starts in ns.
update stored.{table} s
set ingested_at = c.ingested_at
from committed c
where s.trace_id = c.trace_id
    and s.span_id = c.span_id
    and s.start_time_unix_nano = c.start_time_unix_nano
    and s.start_time_unix_nano between $first and $last
