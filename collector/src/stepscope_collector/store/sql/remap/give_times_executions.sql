-- Gives the executions of the traces in `remapping` the time of their first commit. $first, $last:
-- bounds of the starts in ns.
update stored.executions e
set ingested_at = least(e.ingested_at, c.ingested_at)
from (
    select s.execution_id, min(s.ingested_at) as ingested_at
    from stored.spans s
    where s.trace_id in (select trace_id from remapping)
        and s.start_time_unix_nano between $first and $last
    group by s.execution_id
) c
where c.execution_id = e.execution_id
