-- Removes the rows of stored.{table} of the traces in `remapping`. $first, $last: bounds of the starts
-- in ns.
delete from stored.{table}
where trace_id in (select trace_id from remapping)
    and start_time_unix_nano between $first and $last
