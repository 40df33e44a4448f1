-- Ids of executions that begin with a text, newest first; six are enough to say that it is unclear.
-- Parameters: $prefix, text. Columns: execution_id.
select execution_id
from executions
where starts_with(execution_id, $prefix)
order by started_at desc nulls last, execution_id
limit 6
