-- The part of what is used, 0 to 1, that a checkpoint may write anew before it frees it: three row groups of each
-- table, 122,880 rows each. Bytes are estimated as in candidates.sql.
with sizes as (
    select count(*) as rows, count(*) * 100.0 as weight from stored.spans
    union all
    select count(*), coalesce(sum(size_bytes), 0) * 0.5 from stored.payloads
    union all
    select count(*), count(*) * 100.0 from stored.log_records
    union all
    select count(*), count(*) * 100.0 from stored.metric_points
)
select coalesce(
    cast(sum(weight * least(1, 3 * 122880.0 / greatest(rows, 1))) / nullif(sum(weight), 0) as double), 1
) as part
from sizes
