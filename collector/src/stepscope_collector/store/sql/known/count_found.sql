-- How many of the executions in `folded` stand in `known`.
select count(*) as found_count
from folded
where execution_id in (select execution_id from known)
