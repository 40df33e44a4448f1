-- When the spans of the traces in `remapping` were committed, as temporary table `committed`.
-- $first, $last: bounds of their starts in ns.
create or replace temp table committed as
select trace_id, span_id, start_time_unix_nano, min(ingested_at) as ingested_at
from stored.spans
where trace_id in (select trace_id from remapping)
    and start_time_unix_nano between $first and $last
group by all
