-- Ids of the executions in `erasing`.
select execution_id
from erasing
