-- How many executions a database of design 001 or 002 holds.
-- Columns: count.
select count(*) as count
from executions
