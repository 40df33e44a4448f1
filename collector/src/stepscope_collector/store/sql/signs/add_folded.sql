-- Adds those of `seen` that are of folded dialects. $first, $last: bounds of their starts in ns.
insert into signs
select distinct s.execution_id, s.trace_id, s.span_id, seen.seen
from stored.spans s
join seen on seen.trace_id = s.trace_id and seen.span_id = s.span_id
where s.is_folded and s.start_time_unix_nano between $first and $last
