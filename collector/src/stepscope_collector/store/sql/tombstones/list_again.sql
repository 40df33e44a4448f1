-- Executions that were deleted and that the commit of $now (UTC) has made again, as spans of others
-- tell of them.
select distinct execution_id
from (
    select execution_id from stored.executions where updated_at = $now
    union all
    select execution_id from stored.attempts where ingested_at = $now
)
where cast(md5(execution_id) as uuid) in (select execution_hash from stored.tombstones)
order by execution_id
