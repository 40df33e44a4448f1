-- The greatest row of all executions; 0: there are none. The newest have the greatest.
select coalesce(max(rowid), 0) as newest
from stored.executions
