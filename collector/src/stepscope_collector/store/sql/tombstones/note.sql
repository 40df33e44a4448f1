-- Notes that the executions in `erasing` are deleted. $now: UTC; $ends_at: until when it is known.
insert into stored.tombstones by name
select
    cast(md5(e.execution_id) as uuid) as execution_hash,
    cast(md5(trace_hex(t.trace_id)) as uuid) as trace_hash,
    t.trace_id in (select trace_id from whole_traces) as is_whole,
    case when t.trace_id not in (select trace_id from whole_traces)
        then list(distinct s.span_id order by s.span_id) filter (s.span_id is not null) end as span_ids,
    $now as deleted_at,
    $ends_at as ends_at
from erasing e
left join erasing_traces t on t.execution_id = e.execution_id
left join erased_spans s on s.execution_id = e.execution_id and s.trace_id = t.trace_id
group by e.execution_id, t.trace_id
