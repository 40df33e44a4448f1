-- Least and greatest start of the spans of the traces in `remapping`, in ns, and the ids of those.
select
    min(first_start_unix_nano) as first_start, max(last_start_unix_nano) as last_start,
    list(distinct trace_id order by trace_id) as trace_ids
from stored.traces
where trace_id in (select trace_id from remapping)
