-- Removes from stored.traces the traces in `whole_traces`. $first, $last: bounds of the starts in ns.
delete from stored.traces
where trace_id in (select trace_id from whole_traces)
    and last_start_unix_nano >= $first and first_start_unix_nano <= $last
