-- Puts the registered batch `incoming_import` into `importing`, in its order. $now: any time.
insert into importing by name
select *, $now as ingested_at
from incoming_import
