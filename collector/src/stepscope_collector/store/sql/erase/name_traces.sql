-- Ids in hex of the traces in `whole_traces`: what was deleted last, for the queue of the tee.
select distinct trace_hex(trace_id) as trace_id
from whole_traces
