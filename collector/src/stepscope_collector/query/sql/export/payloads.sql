-- Rows of view payloads for the chosen executions, in the order of these. The filter compiler puts conditions
-- in the place of the mark. Columns: those of view payloads.
select r.*
from payloads as r
join executions as e on e.execution_id = r.execution_id
where true /* filter */
order by e.started_at nulls last, e.execution_id, r.span_id, r.kind, r.key
