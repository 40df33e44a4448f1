-- Stores log records from the registered batch `incoming_logs`. $ingested_at: UTC time of the commit.
insert into stored.log_records by name
select *, execution_key(execution_id) as execution_key, $ingested_at as ingested_at
from incoming_logs
