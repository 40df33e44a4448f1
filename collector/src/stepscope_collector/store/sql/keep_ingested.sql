-- Gives the executions that were folded anew the time of their first commit back.
update stored.executions e
set ingested_at = r.ingested_at
from refolded r
where e.execution_id = r.execution_id and r.ingested_at is not null
