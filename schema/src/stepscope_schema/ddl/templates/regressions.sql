-- One row per ${subject}: whether its ${counted} take longer or shorter than they did. The newest
-- fifth, 5 to 20, of the newest 120 successful ones against those before. Medians and their spread decide, so
-- single slow ones do not: a change is told when the medians are 10 % and four standard errors apart.
create or replace view ${view} as
with taken as (
    select
        ${keys},
        arg_max(duration_ns, epoch_ns(started_at), 120) as durations,
        max(epoch_ns(started_at), 120) as starts
    from ${rows}
    where status = 'success' and duration_ns is not null and started_at is not null
    group by ${keys}
), parted as (
    select
        ${keys},
        greatest(5, least(20, len(durations) // 5)) as recent_count,
        durations,
        starts
    from taken
), measured as (
    select
        ${keys},
        least(recent_count, len(durations)) as recent_count,
        greatest(len(durations) - recent_count, 0) as former_count,
        make_timestamp_ns(starts[least(recent_count, len(starts))]) as since_at,
        list_aggregate(durations[:recent_count], 'median') as recent_ns,
        list_aggregate(durations[recent_count + 1:], 'median') as former_ns,
        1.4826 * list_aggregate(durations[:recent_count], 'mad') as recent_spread_ns,
        1.4826 * list_aggregate(durations[recent_count + 1:], 'mad') as former_spread_ns
    from parted
), judged as (
    select
        *,
        -- of the difference of two medians; a spread of nothing would make every change certain
        1.2533 * sqrt(
            pow(greatest(recent_spread_ns, former_ns * 0.02), 2) / recent_count
            + pow(greatest(former_spread_ns, former_ns * 0.02), 2) / former_count
        ) as error_ns
    from measured
    where former_count >= 10 and recent_count >= 5
)
select
    ${key_columns}
    case when abs(recent_ns - former_ns) < former_ns * 0.1 then 'steady'
        when recent_ns - former_ns > 4 * error_ns then 'slower'
        when former_ns - recent_ns > 4 * error_ns then 'faster'
        else 'steady' end as change, -- varchar: slower, faster or steady
    recent_ns / nullif(former_ns, 0) as ratio, -- double: newer median against the former one; 2: takes twice as long
    recent_ns,            -- double: median of the newest
    former_ns,            -- double: median of those before
    recent_spread_ns,     -- double: 1.4826 times the median deviation from it
    former_spread_ns,     -- double: the same of those before
    (recent_ns - former_ns) / nullif(error_ns, 0) as deviation, -- double: difference in standard errors; 4 and more is certain
    recent_count,         -- bigint: how many are the newest
    former_count,         -- bigint: how many are those before
    since_at              -- timestamp_ns: start of the first of the newest
from judged
