-- All traces in `erasing_traces`, as temporary table `whole_traces`: nothing else is in them.
create or replace temp table whole_traces as
select distinct trace_id
from erasing_traces
