-- Rows of view execution_logs for the chosen executions, in the order of these. The filter compiler puts conditions
-- in the place of the mark. Columns: those of view execution_logs.
select r.*
from execution_logs as r
join executions as e on e.execution_id = r.execution_id
where true /* filter */
order by e.started_at nulls last, e.execution_id, r.sequence, r.logged_at nulls last, r.ingested_at
