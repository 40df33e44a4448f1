-- One execution in the view payloads. Parameters: $execution_id. Columns of the view.
select *
from payloads
where execution_id = $execution_id
order by span_id, kind, key
