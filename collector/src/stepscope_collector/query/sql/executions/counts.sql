-- Executions per status. The filter compiler puts conditions in the place of the mark.
-- Columns: status, count; most first.
select e.status as status, count(*) as count
from executions as e
where true /* filter */
group by e.status
order by count desc, status
