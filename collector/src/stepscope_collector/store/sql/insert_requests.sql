-- Remembers the log and metric requests of this commit. $received_at: UTC time of the commit.
insert into stored.requests by name
select request_hash, $received_at as received_at
from incoming_requests
