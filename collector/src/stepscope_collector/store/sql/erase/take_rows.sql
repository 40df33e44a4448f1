-- Removes the rows of stored.{table} of the executions in `erasing`. $first, $last: bounds of the
-- starts in ns.
delete from stored.{table}
where execution_id in (select execution_id from erasing)
    and start_time_unix_nano between $first and $last
