-- Executions that any of some others started. A level of a tree at a time, in place of one recursive
-- statement, which took 25 times as long at 200,000 executions (2026-11, 2 cores).
-- $execution_ids: list of ids; $limit: rows at most.
-- Columns: execution_id.
select execution_id
from stored.executions
where parent_execution_id in (select unnest(cast($execution_ids as varchar[])))
order by first_unix_nano, execution_id
limit $limit
