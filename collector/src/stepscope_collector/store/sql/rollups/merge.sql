-- The rows of `rolled` together with the stored ones of the same hour, workflow, step and status; is_stored: there is one. Placeholders:
-- into, a table to make of it, or nothing; rolled, nothing where `rolled` is a table, else what it is, with a comma. $since: the first hour of `rolled` or one before it, ns.
{into}
with {rolled}
parts as (
    select *, false as is_stored from rolled
    union all by name
    select r.*, true as is_stored
    from stored.rollups r
    where (r.hour_at is null or r.hour_at >= make_timestamp_ns($since))
        and exists (
            from rolled n
            where n.hour_at is not distinct from r.hour_at and n.workflow_id = r.workflow_id
                and n.project is not distinct from r.project
                and n.step_name is not distinct from r.step_name and n.status = r.status
        )
), counts as (
    select
        hour_at, workflow_id, project, step_name, status,
        cast(sum(count) as ubigint) as count,
        cast(sum(ended) as ubigint) as ended,
        cast(sum(retries) as ubigint) as retries,
        cast(sum(timed) as ubigint) as timed,
        cast(sum(total_ns) as hugeint) as total_ns,
        min(min_ns) as min_ns,
        max(max_ns) as max_ns,
        bool_or(is_stored) as is_stored
    from parts
    group by all
), cells as (
    select hour_at, workflow_id, project, step_name, status, bucket, cast(sum(n) as ubigint) as n
    from (
        select
            hour_at, workflow_id, project, step_name, status,
            unnest(map_keys(buckets)) as bucket, unnest(map_values(buckets)) as n
        from parts
    )
    group by all
), buckets as (
    select
        hour_at, workflow_id, project, step_name, status,
        map_from_entries(list((bucket, n) order by bucket)) as buckets
    from cells
    group by all
)
select c.*, b.buckets
from counts c
left join buckets b
    on b.hour_at is not distinct from c.hour_at and b.workflow_id = c.workflow_id
        and b.project is not distinct from c.project
        and b.step_name is not distinct from c.step_name and b.status = c.status
