-- Removes the rows of stored.{table} of the executions in `erasing`.
delete from stored.{table}
where execution_id in (select execution_id from erasing)
