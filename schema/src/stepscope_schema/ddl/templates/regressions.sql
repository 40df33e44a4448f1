-- One row per ${subject}: whether its ${counted} take longer or shorter than they did. The newest
-- fifth, 5 to 20, of the newest 120 successful ones against those before. Medians, their spread and the ranks of
-- all decide, so single slow ones and two kinds of work do not; nor does the time of the day or the week, since
-- what started at the same time a week before, else a day, has to differ, too. There is no threshold to set.
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
        ${keys}, starts,
        greatest(5, least(20, len(durations) // 5)) as recent_count,
        durations[:greatest(5, least(20, len(durations) // 5))] as recent,
        durations[greatest(5, least(20, len(durations) // 5)) + 1:] as former
    from taken
    where len(durations) >= 15
), measured as (
    select
        ${keys}, recent_count, starts[1] as newest_unix_nano, recent, former,
        len(former) as former_count,
        starts[recent_count] as since_unix_nano,
        list_aggregate(recent, 'median') as recent_ns,
        list_aggregate(former, 'median') as former_ns,
        1.4826 * list_aggregate(recent, 'mad') as recent_spread_ns,
        1.4826 * list_aggregate(former, 'mad') as former_spread_ns
    from parted
), judged as (
    select
        * exclude (recent, former),
        -- of the difference of two medians; a spread of nothing would make every change certain
        1.2533 * sqrt(
            pow(greatest(recent_spread_ns, former_ns * 0.02), 2) / recent_count
            + pow(greatest(former_spread_ns, former_ns * 0.02), 2) / former_count
        ) as error_ns,
        -- of Mann and Whitney: 0.5 when nothing changed, whatever the durations are like
        list_avg(list_transform(recent, lambda new:
            len(list_filter(former, lambda old: old < new))
            + len(list_filter(former, lambda old: old = new)) / 2
        )) / former_count as longer_share,
        sqrt((recent_count + former_count + 1) / (12 * recent_count * former_count)) as share_error
    from measured
), suspected as (
    select *, sign(recent_ns - former_ns) as direction
    from judged
    where abs(recent_ns - former_ns) >= former_ns * 0.1 and abs(recent_ns - former_ns) > 4 * error_ns
        and abs(longer_share - 0.5) > least(3 * share_error, 0.45)
), seasons as (
    select ${keys_of_s}, d.days, any_value(s.direction) as direction, any_value(s.recent_ns) as recent_ns,
        any_value(s.recent_spread_ns) as recent_spread_ns, any_value(s.recent_count) as recent_count,
        median(r.duration_ns) as usual_ns, 1.4826 * mad(r.duration_ns) as usual_spread_ns,
        count(*) as usual_count
    from ${rows} r
    join suspected s on ${same_keys}
    cross join (values (1), (7)) d (days)
    where r.status = 'success' and r.duration_ns is not null
        and epoch_ns(r.started_at) < s.since_unix_nano
        and epoch_ns(r.started_at) between s.since_unix_nano - d.days * 86400000000000
            and s.newest_unix_nano - d.days * 86400000000000
    group by all
    having count(*) >= 3
), usual as (
    -- of a day and a week the week: what began days ago was there yesterday, too
    select ${keys}, arg_max((recent_ns - usual_ns) * direction >= greatest(
            usual_ns * 0.1,
            4 * 1.2533 * sqrt(pow(greatest(recent_spread_ns, usual_ns * 0.02), 2) / recent_count
                + pow(greatest(usual_spread_ns, usual_ns * 0.02), 2) / usual_count)
        ), days) as is_new
    from seasons
    group by ${keys}
), told as (
    select ${keys}, direction, coalesce(is_new, true) as is_new
    from suspected
    left join usual using (${keys})
)
select
    ${key_columns}
    case when not coalesce(t.is_new, false) then 'steady'
        when t.direction > 0 then 'slower'
        else 'faster' end as change, -- varchar: slower, faster or steady
    recent_ns / nullif(former_ns, 0) as ratio, -- double: newer median against the former one; 2: takes twice as long
    recent_ns,            -- double: median of the newest
    former_ns,            -- double: median of those before
    recent_spread_ns,     -- double: 1.4826 times the median deviation from it
    former_spread_ns,     -- double: the same of those before
    (recent_ns - former_ns) / nullif(error_ns, 0) as deviation, -- double: difference in standard errors
    longer_share,         -- double: of all pairs of a newer and a former one, the share in which the newer took longer; 0.5: no change
    recent_count,         -- bigint: how many are the newest
    former_count,         -- bigint: how many are those before
    make_timestamp_ns(since_unix_nano) as since_at -- timestamp_ns: start of the first of the newest
from judged
left join told t using (${keys})
