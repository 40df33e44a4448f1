-- Removes what is noted of lost log records of the executions in `erasing` and of their traces.
delete from stored.log_drops
where execution_id in (select execution_id from erasing)
    or trace_id in (select trace_id from whole_traces)
