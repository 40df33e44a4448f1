-- One execution in the view executions. Parameters: $execution_id. Columns of the view.
select *
from executions
where execution_id = $execution_id
order by started_at
