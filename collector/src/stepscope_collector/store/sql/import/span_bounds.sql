-- Between which starts the spans of the batch `incoming_spans` lie, in ns.
-- Columns: first, last.
select min(start_time_unix_nano) as first, max(start_time_unix_nano) as last
from incoming_spans
