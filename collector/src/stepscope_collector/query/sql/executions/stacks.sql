-- The stacks of the errors of one execution, as view attempts has them. Apart from spans.sql, because most executions
-- have no error, and events are what takes longest to read.
-- $execution_id: the execution; $first_unix_nano, $last_start_unix_nano: see locate.sql.
-- Columns: row, its number within this transaction; error_stack.
select rowid as row, last_exception(events, 'exception.stacktrace') as error_stack
from stored.spans
where execution_id = $execution_id
    and start_time_unix_nano >= cast($first_unix_nano as ubigint)
    and start_time_unix_nano <= cast($last_start_unix_nano as ubigint)
    and (error_type is not null or error_message is not null or status in ('failed', 'timed_out'))
