-- The chosen executions, those that started first in front. The filter compiler puts conditions in the
-- place of the mark. Columns: those of view executions.
select e.*
from executions as e
where true /* filter */
order by e.started_at nulls last, e.execution_id
