-- Least and greatest start of the spans in `incoming_spans`, in ns.
select min(start_time_unix_nano) as first_start, max(start_time_unix_nano) as last_start
from incoming_spans
