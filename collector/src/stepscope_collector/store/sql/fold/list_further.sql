-- Traces that are not in {traces} and hold spans of the executions $execution_ids, as temporary
-- table `further`.
create or replace temp table further as
select distinct trace_id
from stored.traces
where execution_id in (select unnest($execution_ids))
    and trace_id not in (select trace_id from {traces})
