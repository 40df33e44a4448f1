-- As asked/last_50.sql.
select id, workflow_name, status, started_at, duration_ms
from executions
where workflow_id = :workflow and status = :status
order by started_at desc
limit 50
