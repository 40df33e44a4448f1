-- Notes the signs of life in `signs` at the tries they speak of.
update stored.attempts a
set last_seen_unix_nano = greatest(a.last_seen_unix_nano, s.seen)
from signs s
where a.trace_id = s.trace_id and a.span_id = s.span_id and a.ended_unix_nano is null
