-- The nodes of an execution of design 001, in their order. $id: the execution.
select *
from node_executions
where execution_id = $id
order by id, rowid
