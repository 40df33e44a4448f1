-- Least and greatest start of the stored spans of the traces in {traces}, in ns; null: none stored.
select min(first_start_unix_nano) as first_start, max(last_start_unix_nano) as last_start
from stored.traces
where trace_id in (select trace_id from {traces})
