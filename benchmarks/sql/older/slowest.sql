-- As asked/slowest.sql.
select execution_id, node_name, duration_ms
from node_executions
order by duration_ms desc
limit 20
