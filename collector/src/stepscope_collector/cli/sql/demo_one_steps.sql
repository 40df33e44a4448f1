-- One execution in the view steps. Parameters: $execution_id. Columns of the view.
select *
from steps
where execution_id = $execution_id
order by step_index
