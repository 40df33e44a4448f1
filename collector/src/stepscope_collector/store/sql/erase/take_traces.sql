-- Removes from stored.{table} the traces in `whole_traces`.
delete from stored.{table}
where trace_id in (select trace_id from whole_traces)
