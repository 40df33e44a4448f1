-- Those executions in `folded` that have a row already, from row $from_row on, as temporary table `known`; `row_id`
-- says where they stand. Gives their number. Keys are looked for first: a million numbers take 7 ms of CPU, a
-- million ids 40. The placeholder is a condition on those to look for. Of two ids with one key both are in it.
create or replace temp table known as
select e.rowid as row_id, e.execution_id
from stored.executions e
where e.execution_key in (select execution_key(execution_id) from folded where {chosen})
    and e.rowid >= $from_row
