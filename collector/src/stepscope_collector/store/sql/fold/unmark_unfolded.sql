-- The traces $trace_ids are folded.
delete from stored.unfolded_traces
where trace_id in (select unnest($trace_ids::uuid[]))
