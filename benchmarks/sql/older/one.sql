-- One execution with its nodes. :id.
select *
from executions e
left join node_executions n on n.execution_id = e.id
where e.id = :id
