-- Ended executions that are not among the newest. $workflow_id: null: of all workflows together; $keep: how
-- many are newest, running ones counted. Column: their ids.
select execution_id
from (
    select execution_id, ended_at, row_number() over (
        order by started_at desc nulls last, execution_id desc
    ) as place
    from main.executions
    where $workflow_id is null or workflow_id = $workflow_id::varchar
)
where place > $keep and ended_at is not null
order by execution_id
