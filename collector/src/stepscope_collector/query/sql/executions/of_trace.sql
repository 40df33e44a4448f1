-- The executions with spans in a trace, the first one first.
-- $trace_id: 32 hex digits.
-- Columns: execution_id.
select execution_id
from stored.traces
where trace_id = cast($trace_id as uuid)
order by first_start_unix_nano, execution_id
