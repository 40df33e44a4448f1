-- Spans of the traces in `erasing_traces` that were committed at or after $since (UTC): their number, and the
-- bounds of their starts in ns. The trace is compared as a row: as in list_spans.
select
    count(*) as spans,
    min(s.start_time_unix_nano) as first_start,
    max(s.start_time_unix_nano) as last_start
from stored.spans s
semi join erasing_traces e on row(e.trace_id) = row(s.trace_id)
where s.ingested_at >= $since
