-- The traces in `folding` but $waiting, as temporary table `folding_now`.
create or replace temp table folding_now as
select trace_id
from folding
where trace_id not in (select unnest($waiting::uuid[]))
