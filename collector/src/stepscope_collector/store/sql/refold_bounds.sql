-- Least and greatest start of the spans of the executions in `refolded`, in ns.
select min(first_start_unix_nano) as first_start, max(last_start_unix_nano) as last_start
from stored.traces
where execution_id in (select execution_id from refolded)
    or trace_id in (select trace_id from mixed)
