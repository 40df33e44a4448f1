-- Ids of the spans in `erased_spans`, trace in hex, whose traces are not in `whole_traces`.
select distinct trace_hex(trace_id) as trace_id, span_id
from erased_spans
where trace_id not in (select trace_id from whole_traces)
