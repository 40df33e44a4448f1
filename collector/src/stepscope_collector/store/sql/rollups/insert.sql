-- Stores the rows of table {merged}. Arrow has no integers of 128 bits.
insert into stored.rollups by name
select * exclude (is_stored) replace (cast(total_ns as hugeint) as total_ns)
from {merged}
