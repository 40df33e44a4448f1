-- Those of $execution_ids that are not stored.
select distinct given.execution_id
from (select unnest($execution_ids::varchar[]) as execution_id) given
where not exists (from stored.executions e where e.execution_id = given.execution_id)
order by given.execution_id
