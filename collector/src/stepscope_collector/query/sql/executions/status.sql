-- Status of one execution. Its first commit stands in the condition because scans skip row groups by it.
-- $execution_id: the execution; $ingested_unix_nano: see locate.sql.
-- Columns: status.
select status
from executions
where execution_id = $execution_id
    and ingested_at = make_timestamp_ns(cast($ingested_unix_nano as bigint))
order by status
