-- Gives what is open in the traces in `remapping` the time of its first sign. $first, $last: bounds
-- of the starts in ns.
update stored.open_spans o
set ingested_at = c.ingested_at
from (
    select
        trace_id, case when live_phase is null then span_id else parent_span_id end as span_id,
        min(ingested_at) as ingested_at
    from stored.spans
    where trace_id in (select trace_id from remapping)
        and start_time_unix_nano between $first and $last
        and (not has_ended(odd_end_unix_nano) or live_phase is not null)
    group by all
) c
where c.trace_id = o.trace_id and c.span_id = o.span_id
