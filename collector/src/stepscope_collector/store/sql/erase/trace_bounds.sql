-- Least and greatest start in ns of all spans of the traces in `erasing_traces`; null: there are none.
select min(first_start_unix_nano) as first_start, max(last_start_unix_nano) as last_start
from stored.traces
where trace_id in (select trace_id from erasing_traces)
