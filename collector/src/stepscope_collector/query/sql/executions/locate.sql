-- Where an execution's rows lie. A statement of its own, because only values let scans of the
-- large tables skip row groups: a join on the bounds does not.
-- $id: execution id.
-- Columns: execution_id; first_unix_nano, last_start_unix_nano: between these starts lie all its
-- spans (nanoseconds since the epoch); ingested_unix_nano: first commit.
select
    execution_id,
    first_unix_nano,
    last_start_unix_nano,
    epoch_ns(ingested_at) as ingested_unix_nano
from stored.executions
where execution_id = $id
order by first_unix_nano
