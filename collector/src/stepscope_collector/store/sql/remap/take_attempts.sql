-- Removes the folded tries of the executions of the traces in `remapping`. $first: as
-- attempts_from gives it.
delete from stored.attempts
where last_seen_unix_nano >= $first
    and execution_id in (
        select execution_id from stored.traces where trace_id in (select trace_id from remapping)
    )
