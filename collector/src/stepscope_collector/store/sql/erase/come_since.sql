-- Spans of the traces in `erasing_traces` that were committed at or after $since (UTC): their number, and the
-- bounds of their starts in ns.
select
    count(*) as spans,
    min(start_time_unix_nano) as first_start,
    max(start_time_unix_nano) as last_start
from stored.spans
where ingested_at >= $since and trace_id in (select trace_id from erasing_traces)
