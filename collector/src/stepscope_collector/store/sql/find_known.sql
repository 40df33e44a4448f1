-- Those executions in `folded` that have a row already, as temporary table `known`; `row_id` says where they
-- stand. Gives their number. Keys are looked for first: a million numbers take 7 ms of CPU, a million ids 40.
create or replace temp table known as
select e.rowid as row_id, e.execution_id
from stored.executions e
where e.execution_key in (select execution_key(execution_id) from folded)
