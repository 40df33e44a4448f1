-- The executions of a database of design 000, in the order in which they came.
select *
from workflow_executions
order by rowid
