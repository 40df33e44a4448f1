-- Notes the signs of life in `signs` at the open spans.
update stored.open_spans o
set last_seen_unix_nano = greatest(o.last_seen_unix_nano, s.seen)
from signs s
where s.trace_id = o.trace_id and s.span_id = o.span_id
