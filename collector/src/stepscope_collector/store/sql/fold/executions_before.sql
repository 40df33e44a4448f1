-- The rows of the executions $execution_ids as they are, as temporary table `executions_before`.
create or replace temp table executions_before as
select execution_id, first_unix_nano, ingested_at
from stored.executions
where execution_id in (select unnest($execution_ids))
