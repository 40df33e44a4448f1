-- Notes the signs of life in `signs` at their executions.
update stored.executions e
set last_seen_unix_nano = greatest(e.last_seen_unix_nano, s.seen)
from (select execution_id, max(seen) as seen from signs group by all) s
where e.execution_id = s.execution_id and e.final_end_unix_nano is null
