-- Removes the tries that are folded anew. $first: least time any of them was seen, in ns.
delete from stored.attempts
where execution_id in (select execution_id from executions_before)
    and last_seen_unix_nano >= $first
