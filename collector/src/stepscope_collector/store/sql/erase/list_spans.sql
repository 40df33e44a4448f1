-- The spans of the executions in `erasing`, with the places of their rows, as temporary table `erased_spans`.
-- $first, $last: bounds of their starts in ns.
create or replace temp table erased_spans as
select trace_id, span_id, execution_id, rowid as row_id
from stored.spans
where execution_id in (select execution_id from erasing)
    and start_time_unix_nano between $first and $last
