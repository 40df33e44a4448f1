-- The log records of an execution of design 002, in their order. $id: the execution; $most: rows at most.
-- Columns: sequence, timestamp, log_type, log_data.
select sequence, timestamp, log_type, log_data
from execution_logs
where execution_id = $id
order by sequence, rowid
limit $most
