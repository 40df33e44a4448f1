-- Those of the traces in `erasing_traces` that hold no span any more, as temporary table
-- `whole_traces`. $first, $last: bounds of the starts in ns, as in trace_bounds.
create or replace temp table whole_traces as
select distinct trace_id
from erasing_traces
where trace_id not in (
    select trace_id
    from stored.spans
    where start_time_unix_nano between $first and $last
        and trace_id in (select trace_id from erasing_traces)
)
