-- How many executions there are.
select count(*) as row_count
from stored.executions
