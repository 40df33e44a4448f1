-- A page of executions for design 002, newest first. $workflow_id: null: any; $limit; $offset.
-- Column: their ids.
select execution_id as id
from main.executions
where ($workflow_id is null or workflow_id = $workflow_id::varchar)
order by started_at desc nulls last, execution_id
limit $limit offset $offset
