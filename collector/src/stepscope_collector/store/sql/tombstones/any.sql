-- Whether anything is known to be deleted.
select count(*) > 0 as is_any
from stored.tombstones
