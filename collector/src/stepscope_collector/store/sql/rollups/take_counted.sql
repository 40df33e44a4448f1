-- What a reader has counted and merged, as temporary table `merged_rollups`. Arrow has no integers of 128 bits.
create or replace temp table merged_rollups as
select * replace (cast(total_ns as hugeint) as total_ns)
from counted_rollups
