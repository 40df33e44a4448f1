-- The stacks of the tries of one execution that lie between two rows. Apart from spans.sql, because most executions
-- have no error, and events are what takes longest to read.
-- $execution_id: the execution; $first, $last: numbers of rows.
-- Columns: row, its number within this transaction; error_stack.
select rowid as row, last_exception(events, 'exception.stacktrace') as error_stack
from stored.spans
where rowid >= $first and rowid <= $last and execution_id = $execution_id
