-- Where the rows of executions lie whose ids have the key of this one: one row as a rule. Who asks compares the
-- ids: a million keys take 2 ms of CPU, a million ids 38.
-- $id: execution id.
-- Columns: row, its number within this transaction.
select rowid as row
from stored.executions
where execution_key = execution_key($id)
