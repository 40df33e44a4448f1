-- Removes the executions in `erasing`. $first, $last: bounds of their starts in ns.
delete from stored.executions
where execution_id in (select execution_id from erasing)
    and first_unix_nano between $first and $last
