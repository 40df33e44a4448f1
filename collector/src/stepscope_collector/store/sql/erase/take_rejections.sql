-- Removes the rejections of spans and log records of the traces in `whole_traces`.
delete from stored.rejections
where lower(trace_id) in (select trace_hex(trace_id) from whole_traces)
