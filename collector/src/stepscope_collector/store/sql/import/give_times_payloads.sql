-- Gives the payloads of the spans in `committed` the times of their first commit. $first, $last: bounds
-- of the starts in ns; $now: time of this transaction.
update stored.payloads p
set ingested_at = c.ingested_at
from (
    select trace_id, span_id, start_time_unix_nano, min(ingested_at) as ingested_at
    from committed
    group by all
) c
where p.trace_id = c.trace_id
    and p.span_id = c.span_id
    and p.start_time_unix_nano = c.start_time_unix_nano
    and p.start_time_unix_nano between $first and $last
    and p.ingested_at = $now
