-- One execution in the view attempts. Parameters: $execution_id. Columns of the view.
select *
from attempts
where execution_id = $execution_id
order by started_at, span_id
