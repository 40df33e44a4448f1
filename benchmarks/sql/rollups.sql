-- Rollups of $days days ending at $end_ns: $workflows workflows of nine steps each, hour by hour, the
-- durations of $count tries per cell in some forty buckets.
insert into stored.rollups by name
with cells as (
    select h, w, s, hash(w, s) % 400 as base
    from range($days * 24) as hours(h), range($workflows) as flows(w), range(9) as steps(s)
), filled as (
    select
        h, w, s,
        list_transform(range(40), lambda b: (base + 700 + b)::integer) as keys,
        list_transform(range(40), lambda b: greatest($count // 40, 1)::ubigint) as counts
    from cells
)
select
    hour_of(make_timestamp_ns($end_ns::bigint - h * 3600000000000)) as hour_at,
    format('workflow-{:03d}', w) as workflow_id,
    format('project-{}', w % 8) as project,
    format('step {:02d}', s) as step_name,
    'success' as status,
    list_sum(counts) as count,
    list_sum(counts) as ended,
    0 as retries,
    list_sum(counts) as timed,
    list_sum(counts) * 1000000::hugeint as total_ns,
    bucket_ns(keys[1])::bigint as min_ns,
    bucket_ns(keys[40])::bigint as max_ns,
    map_from_entries(list_zip(keys, counts)) as buckets
from filled
