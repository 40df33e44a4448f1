-- Which rows of `importing` are more than stored.{table} holds of the like: of three equal rows one, when
-- two are stored. So a repetition adds nothing, and equal rows of one request are kept. As temporary
-- table `fresh`: place in the order of the batch from 0, content, time_unix_nano, nth of the like.
-- execution_key follows from another column, and rows that come have none. $first, $last: bounds of their
-- times in ns.
create or replace temp table fresh as
with hashed as (
    select
        row_number() over (order by rowid) - 1 as place,
        hash(*columns(lambda name: name not in ('ingested_at', 'execution_key'))) as content,
        time_unix_nano
    from importing
),
told as (
    select *, row_number() over (partition by content, time_unix_nano order by place) as nth
    from hashed
),
known as (
    select
        hash(*columns(lambda name: name not in ('ingested_at', 'execution_key'))) as content,
        time_unix_nano, count(*) as stored
    from stored.{table}
    where time_unix_nano between $first and $last
    group by all
)
select
    t.place, t.content, t.time_unix_nano,
    row_number() over (partition by content, time_unix_nano order by t.place) as nth
from told t
left join known k using (content, time_unix_nano)
where t.nth > coalesce(k.stored, 0)
