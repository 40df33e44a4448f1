-- Removes the executions of the traces in `remapping`.
delete from stored.executions
where execution_id in (
    select execution_id from stored.traces where trace_id in (select trace_id from remapping)
)
