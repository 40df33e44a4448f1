-- Removes the traces in `remapping`.
delete from stored.traces
where trace_id in (select trace_id from remapping)
