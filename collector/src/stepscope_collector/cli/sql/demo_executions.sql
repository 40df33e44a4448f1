-- The executions that started since a time. Parameters: $since, RFC 3339. Columns of executions.
select *
from executions
where started_at >= $since::timestamp_ns
order by started_at desc, execution_id
