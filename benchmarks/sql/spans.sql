-- Ten spans for each execution from $first_ns on, before $last_ns: its own span and nine steps out of
-- 50 step names, in order of arrival (by end). The eighth step of a failed execution failed. As our own SDK sends
-- them: only a step under a retry policy, here the fifth, has an id of its own and counts its attempts.
-- $first_ns, $last_ns: bounds on the start of the execution.
insert into stored.spans by name
with parts as (
    select
        e.*,
        k,
        coalesce(e.final_end_unix_nano, e.last_seen_unix_nano) - e.started_unix_nano as lasted_ns,
        hash(e.execution_id, 'span', k) as part_id,
        hash(e.execution_id, 'span', 0) as root_id,
        coalesce(e.status in ('failed', 'timed_out'), false) as is_failed
    from stored.executions e, range(10) as t(k)
    where e.started_unix_nano >= $first_ns and e.started_unix_nano < $last_ns
        and (e.final_end_unix_nano is not null or k > 0)
), timed as (
    select
        *,
        case when k = 0 then started_unix_nano
            else started_unix_nano + lasted_ns * (k - 1) // 10 end as start_time_unix_nano,
        case when k = 0 then started_unix_nano + lasted_ns
            else started_unix_nano + lasted_ns * k // 10 end as end_time_unix_nano
    from parts
)
select
    any_trace_id as trace_id,
    part_id as span_id,
    case when k = 0 then 0 else root_id end as parent_span_id,
    257 as flags,
    case when k = 0 then workflow_name
        else format('step {:02d}', (hash(workflow_id) + k * 7) % 50) end as name,
    1 as kind,
    start_time_unix_nano,
    duration_of(start_time_unix_nano, end_time_unix_nano) as duration_ns,
    case when is_failed and k in (0, 8) then 2 else 0 end as status_code,
    map {'code.function.name': 'shop.handlers.handle', 'thread.name': 'MainThread'} as attributes,
    case when k = 0 then 260099 when k = 5 then 511 else 119 end + case when is_failed and k in (0, 8) then 1024 else 0 end as home_bits,
    0 as dropped_attributes_count,
    0 as dropped_events_count,
    0 as dropped_links_count,
    case when is_failed and k in (0, 8) then [{
        'time_unix_nano': end_time_unix_nano, 'name': 'exception',
        'attributes': map {
            'exception.type': error_type, 'exception.message': error_message,
            'exception.stacktrace': 'Traceback (most recent call last):' || chr(10) || error_message
        },
        'attribute_types': null, 'dropped_attributes_count': 0
    }] end as events,
    1 as resource_id,
    1 as scope_id,
    dialect,
    case when k = 0 then 'execution' else 'step' end as role,
    execution_id,
    true as is_explicit,
    case when k = 5 then span_hex(part_id) end as step_id,
    case when k > 0 then format('step {:02d}', (hash(workflow_id) + k * 7) % 50) end as step_name,
    case when k > 0 then 'function' end as step_type,
    case when k > 0 then k - 1 end as step_index,
    case when k = 5 then 1 end as attempt,
    case when k = 5 then 3 end as max_attempts,
    case when is_failed and k in (0, 8) then 'failed' else 'success' end as status,
    case when is_failed and k in (0, 8) then error_type end as error_type,
    case when is_failed and k in (0, 8) then error_message end as error_message,
    case when k = 0 then workflow_id end as workflow_id,
    case when k = 0 then shortened(workflow_name, name) end as short_workflow_name,
    case when k = 0 then workflow_version end as workflow_version,
    case when k = 0 then project end as project,
    case when k = 0 then trigger_type end as trigger_type,
    case when k = 0 then user_id end as user_id,
    make_timestamp_ns(cast(end_time_unix_nano as bigint)) as ingested_at
from timed
order by end_time_unix_nano
