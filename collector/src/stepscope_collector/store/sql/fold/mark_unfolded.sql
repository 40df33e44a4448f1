-- Notes the traces in `folding` that are not in `folding_now` as not folded yet.
insert into stored.unfolded_traces
select distinct trace_id
from folding
where trace_id not in (select trace_id from folding_now)
    and trace_id not in (select trace_id from stored.unfolded_traces)
