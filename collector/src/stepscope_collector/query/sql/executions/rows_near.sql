-- As rows_of.sql, among executions that started in a time: of ids that tell when they were made, only the row
-- groups of that time are looked through.
-- $id: execution id; $from_ns, $until_ns: nanoseconds since the epoch.
-- Columns: row, its number within this transaction.
select rowid as row
from stored.executions
where execution_key = execution_key($id)
    and started_at between make_timestamp_ns(cast($from_ns as bigint)) and make_timestamp_ns(cast($until_ns as bigint))
