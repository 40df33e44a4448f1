-- Least and greatest start of the spans of the traces in `mixed`, in ns.
select min(first_start_unix_nano) as first_start, max(last_start_unix_nano) as last_start
from stored.traces
where trace_id in (select trace_id from mixed)
