-- Executions whose spans tell only together with those of given ones what happened, these included: of
-- engines whose traces are folded.
-- $execution_ids: those given.
-- Columns: execution_id.
select distinct o.execution_id
from stored.traces t
join stored.traces o using (trace_id)
where t.has_folded
    and o.has_folded
    and t.execution_id in (select unnest($execution_ids::varchar[]))
order by o.execution_id
