-- How many executions came since a time and have ended. Parameters: $since, RFC 3339.
-- Columns: workflow_name, status, count.
select workflow_name, status, count(*) as count
from executions
where ingested_at >= $since::timestamp_ns and ended_at is not null
group by workflow_name, status
order by workflow_name, status
