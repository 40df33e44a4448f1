-- The executions of a database of design 001 or 002, in the order in which they came.
select *
from executions
order by rowid
