-- Those of `seen` that are open, with their executions, as temporary table `signs`.
create or replace temp table signs as
select o.execution_id, o.trace_id, o.span_id, seen.seen
from stored.open_spans o
join seen on seen.trace_id = o.trace_id and seen.span_id = o.span_id
