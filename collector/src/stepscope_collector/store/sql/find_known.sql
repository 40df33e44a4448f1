-- Whether any execution in `folded` has a row already; reads one column, the merge reads all.
select count(*) as known
from stored.executions e
where exists (from folded f where f.execution_id = e.execution_id)
