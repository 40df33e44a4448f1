-- Executions to fold anew from their spans, as temporary table `refolded`: those a mixed trace
-- touches in this commit, those that spans were moved from, and those they were moved to; with
-- the first commit of those that have a row.
create or replace temp table refolded as
with touched as (
    select execution_id from staged where trace_id in (select trace_id from mixed)
    union
    select execution_id from moved
    union
    select execution_id_before from moved
)
select t.execution_id, e.ingested_at
from touched t
left join stored.executions e on e.execution_id = t.execution_id
