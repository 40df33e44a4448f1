-- The slowest 20 tries of steps.
select execution_id, step_name, duration_ns
from attempts
order by duration_ns desc
limit 20
