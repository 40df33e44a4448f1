-- The stored spans of the executions in `refolded`, in the shape of `staged`, as temporary table
-- `refold_source`. $first, $last: bounds of the starts in ns; $now: time of the commit in ns.
create or replace temp table refold_source as
select
    s.* exclude (
        events, links, raw, attributes, attribute_types, duration_ns, odd_end_unix_nano, short_workflow_name
    ),
    restored(s.short_workflow_name, s.name) as workflow_name,
    end_of(s.start_time_unix_nano, s.duration_ns, s.odd_end_unix_nano) as end_time_unix_nano,
    r.service_name,
    s.live_phase is null and has_ended(s.odd_end_unix_nano) as is_final,
    case when s.live_phase is not null
        then coalesce(
            try_cast(s.attributes['stepscope.live.start_time_unix_nano'] as ubigint),
            s.start_time_unix_nano
        )
        else s.start_time_unix_nano end as begun_unix_nano,
    try_cast(s.attributes['stepscope.execution.enqueued_unix_nano'] as ubigint)
        as queued_unix_nano,
    least(greatest(s.start_time_unix_nano, end_of(s.start_time_unix_nano, s.duration_ns, s.odd_end_unix_nano)), $now)
        as seen_unix_nano
from stored.spans s
left join stored.resources r using (resource_id)
where s.execution_id in (select execution_id from refolded)
    and s.start_time_unix_nano between $first and $last
