-- The program that an execution stood for, which is told on the span that ended it.
-- $execution_id: the execution; $first_unix_nano, $last_start_unix_nano: see locate.sql; $span_id: that span.
-- Columns: program, null: not told.
select attributes['process.executable.path'] as program
from stored.spans
where execution_id = $execution_id
    and start_time_unix_nano >= cast($first_unix_nano as ubigint)
    and start_time_unix_nano <= cast($last_start_unix_nano as ubigint)
    and span_id = cast($span_id as ubigint)
    and live_phase is null
order by start_time_unix_nano desc
limit 1
