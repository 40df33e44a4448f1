-- Notes the signs of life in `signs` at the tries they speak of.
update stored.attempts a
set last_seen_unix_nano = greatest(a.last_seen_unix_nano, s.seen)
from (select trace_id, span_id, max(seen) as seen from signs group by all) s
where a.trace_id = s.trace_id and a.span_id = s.span_id and a.ended_unix_nano is null
