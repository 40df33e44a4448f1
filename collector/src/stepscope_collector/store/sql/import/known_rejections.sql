-- What was refused before of the same source.
-- $sender: as imports write it.
-- Columns: reason, message, trace_id, span_id, name.
select distinct reason, message, trace_id, span_id, name
from stored.rejections
where sender = $sender
order by all
