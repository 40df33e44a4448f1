-- Notes the spans in `late_spans` as deleted, so that what comes below them later goes, too. $now: UTC.
insert into stored.tombstones by name
select
    cast('00000000-0000-0000-0000-000000000000' as uuid) as execution_hash,
    cast(md5(trace_hex(trace_id)) as uuid) as trace_hash,
    false as is_whole,
    list(distinct span_id order by span_id) as span_ids,
    $now as deleted_at,
    (select max(ends_at) from stored.tombstones) as ends_at
from late_spans
where cast(md5(trace_hex(trace_id)) as uuid) not in (
    select trace_hash from stored.tombstones where is_whole and trace_hash is not null
)
group by trace_id
