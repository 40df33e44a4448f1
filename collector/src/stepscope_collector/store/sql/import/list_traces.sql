-- The traces of the spans in `committed`, as temporary table `remapping`.
create or replace temp table remapping as
select distinct trace_id
from committed
