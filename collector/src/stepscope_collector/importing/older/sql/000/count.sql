-- How many executions a database of design 000 holds.
-- Columns: count.
select count(*) as count
from workflow_executions
