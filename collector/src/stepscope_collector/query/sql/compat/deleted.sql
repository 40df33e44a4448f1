-- Those of $execution_ids that were deleted and are not to come back yet.
-- Columns: execution_id; deleted_at, ends_at: UTC nanoseconds, until when it is known.
select
    execution_id,
    epoch_ns(max(t.deleted_at)) as deleted_at,
    epoch_ns(max(t.ends_at)) as ends_at
from unnest(cast($execution_ids as varchar[])) as asked(execution_id)
join stored.tombstones t on t.execution_hash = cast(md5(asked.execution_id) as uuid)
group by execution_id
order by execution_id
