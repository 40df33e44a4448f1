-- Removes what is open in the traces in `remapping`.
delete from stored.open_spans
where trace_id in (select trace_id from remapping)
