-- Those of the traces in `erasing_traces` that hold no span any more, as temporary table
-- `whole_traces`. $first, $last: bounds of the starts in ns, as in trace_bounds. Compared as rows: as in list_spans.
create or replace temp table whole_traces as
select distinct trace_id
from erasing_traces
where trace_id not in (
    select s.trace_id
    from stored.spans s
    semi join erasing_traces e on row(e.trace_id) = row(s.trace_id)
    where s.start_time_unix_nano between $first and $last
)
