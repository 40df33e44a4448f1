-- How many executions have started and not ended, lost ones included.
-- Columns: open_executions.
select count(*) as open_executions
from stored.executions
where final_end_unix_nano is null
order by 1
