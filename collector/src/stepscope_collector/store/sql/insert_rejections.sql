-- Notes what was refused, from the registered batch `incoming_rejections`.
insert into stored.rejections by name
select *, $received_at as received_at
from incoming_rejections
