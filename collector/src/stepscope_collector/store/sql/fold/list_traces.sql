-- Traces of `staged` whose spans are folded together, as temporary table `folding`: some span is
-- of a dialect that is folded, now or before, or names an execution that is.
create or replace temp table folding as
select trace_id
from staged
where is_folded
union
select t.trace_id
from stored.traces t
where t.has_folded and exists (from staged m where m.trace_id = t.trace_id)
union
select m.trace_id
from staged m
join stored.executions e on e.execution_id = m.execution_id
where m.is_explicit and e.is_folded
