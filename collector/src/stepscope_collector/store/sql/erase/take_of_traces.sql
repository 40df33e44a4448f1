-- Removes from stored.traces the executions in `erasing`. $first, $last: bounds of the starts in ns.
delete from stored.traces
where execution_id in (select execution_id from erasing)
    and last_start_unix_nano >= $first and first_start_unix_nano <= $last
