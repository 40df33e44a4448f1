-- How many executions are chosen. The filter compiler puts conditions in the place of the mark.
-- Columns: executions.
select count(*) as executions
from executions as e
where true /* filter */
