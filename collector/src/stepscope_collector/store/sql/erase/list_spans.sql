-- The spans of the executions in `erasing`, with the places of their rows, as temporary table `erased_spans`.
-- $first, $last: bounds of their starts in ns. The id is compared as a row: the scan would else look for it in what is
-- known of every row group, and load that, see find_stored.
create or replace temp table erased_spans as
select s.trace_id, s.span_id, s.execution_id, s.rowid as row_id
from stored.spans s
semi join erasing e on row(e.execution_id) = row(s.execution_id)
where s.start_time_unix_nano between $first and $last
