-- Traces that are not folded yet.
select trace_id
from stored.unfolded_traces
order by trace_id
