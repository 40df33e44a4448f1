-- Notes a remap that was asked for. $remap_id: ns since the epoch; $since: ns; $dialect: null: all;
-- $now: UTC time.
insert into stored.remaps by name
select
    $remap_id as remap_id, 'running' as state, $since as since_unix_nano, $dialect as dialect,
    0 as position_unix_nano, cast('00000000-0000-0000-0000-000000000000' as uuid) as position_trace_id,
    (
        select count(distinct trace_id) from stored.traces where last_start_unix_nano >= $since
    ) as trace_count,
    0 as done_count, 0 as remapped_count, 0 as span_count, 0 as failed_count,
    $now as updated_at
