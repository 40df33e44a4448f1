-- Stores log records from the registered batch `incoming_logs`. $ingested_at: UTC time of the commit.
insert into stored.log_records by name
select *, $ingested_at as ingested_at
from incoming_logs
