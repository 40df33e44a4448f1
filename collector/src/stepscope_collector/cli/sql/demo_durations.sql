-- Counts and duration percentiles per workflow, all of the history. Columns of workflow_stats.
select *
from workflow_stats
order by workflow_id
