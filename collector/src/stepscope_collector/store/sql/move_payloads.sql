-- Gives the payloads of the spans in `moved` to their execution.
update stored.payloads p
set execution_id = m.execution_id
from moved m
where p.trace_id = m.trace_id
    and p.span_id = m.span_id
    and p.start_time_unix_nano = m.start_time_unix_nano
