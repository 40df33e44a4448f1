-- Executions $first to $last of a made-up history: 200 workflows of unequal popularity, durations
-- from milliseconds to hours, 6 % not successful, the newest 0.05 % still running.
-- $first, $last: numbers; $total: executions in all; $begin_ns, $end_ns: the time they are spread over.
insert into stored.executions by name
with numbered as (
    select
        n,
        hash(n, 'execution') as h,
        cast($begin_ns + n * (($end_ns - $begin_ns) // $total) as ubigint) as start_ns
    from range(cast($first as bigint), cast($last as bigint)) as t(n)
), drawn as (
    select
        n, h, start_ns,
        cast(pow((h % 100003) / 100003.0, 2) * 200 as integer) as workflow,
        (h >> 20) % 10000 as luck,
        ((h >> 34) % 100003 + 1) / 100004.0 as u
    from numbered
), outcome as (
    select
        *,
        n >= $total - $total // 2000 - 1 and h % 2 = 0 as is_running,
        case when luck < 9400 then 'success' when luck < 9850 then 'failed'
            when luck < 9930 then 'timed_out' else 'cancelled' end as final_status,
        cast((5e6 + 20e6 * (workflow % 17)) * exp(6 * (u - 0.5)) as ubigint) as lasted_ns
    from drawn
)
select
    -- Random ids for one in four, so that zone maps on the ids cannot help.
    case when h % 4 = 0 then md5(cast(n as varchar)) else format('{:08x}-{:04x}-7{:03x}-8{:03x}-{:012x}',
        (start_ns // 1000000) >> 16, (start_ns // 1000000) & 65535,
        h & 4095, (h >> 12) & 4095, (h >> 16) & 281474976710655)
    end as execution_id,
    execution_key(execution_id) as execution_key,
    case when h % 4 = 0 then 'otel' else 'stepscope' end as dialect,
    format('service-{}', workflow % 12) as service_name,
    format('workflow-{:03d}', workflow) as workflow_id,
    format('Workflow {:03d}', workflow) as workflow_name,
    format('1.{}.0', n * 20 // $total) as workflow_version,
    format('project-{}', workflow % 8) as project,
    case h % 4 when 0 then 'schedule' when 1 then 'api' when 2 then 'manual' else 'webhook' end as trigger_type,
    format('user-{}', (h >> 8) % 500) as user_id,
    time_of(start_ns) as started_at,
    start_ns as started_unix_nano,
    start_ns as first_unix_nano,
    case when is_running then cast($end_ns as ubigint) else start_ns + lasted_ns end as last_seen_unix_nano,
    start_ns + lasted_ns * 8 // 10 as last_start_unix_nano,
    case when not is_running then start_ns + lasted_ns end as final_end_unix_nano,
    time_of(final_end_unix_nano) as ended_at,
    duration_of(start_ns, final_end_unix_nano) as duration_ns,
    cast(md5(cast(n as varchar)) as uuid) as any_trace_id,
    case when not is_running then hash(n, 'span', 0) end as final_span_id,
    case when not is_running then final_status end as status,
    case when not is_running and final_status in ('failed', 'timed_out')
        then format('shop.errors.Error{}', luck % 23) end as error_type,
    case when not is_running and final_status in ('failed', 'timed_out')
        then format('order {} could not be handled', n) end as error_message,
    9 as attempt_count,
    case when final_status in ('failed', 'timed_out') then 1 else 0 end as failed_attempt_count,
    10 as span_count,
    make_timestamp_ns(cast(start_ns + lasted_ns as bigint)) as ingested_at,
    make_timestamp_ns(cast(start_ns + lasted_ns as bigint)) as updated_at
from outcome
order by start_ns
