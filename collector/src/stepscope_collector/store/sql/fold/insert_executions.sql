-- Stores the registered table `folded_executions`. $now: time of the commit in ns; $ingested_at: the
-- same as UTC time.
insert into stored.executions by name
select
    f.* exclude (trace_id, final_trace_id, final_start_unix_nano, last_seen_unix_nano),
    f.trace_id as any_trace_id,
    nullif(cast(f.final_trace_id as uuid), f.trace_id) as final_trace_id,
    nullif(f.final_start_unix_nano, f.first_unix_nano) as final_start_unix_nano,
    least(f.last_seen_unix_nano, $now) as last_seen_unix_nano,
    execution_key(f.execution_id) as execution_key,
    time_of(coalesce(f.started_unix_nano, f.first_unix_nano)) as started_at,
    time_of(f.final_end_unix_nano) as ended_at,
    duration_of(coalesce(f.started_unix_nano, f.first_unix_nano), f.final_end_unix_nano) as duration_ns,
    true as is_folded,
    coalesce(b.ingested_at, $ingested_at) as ingested_at,
    $ingested_at as updated_at
from folded_executions f
left join executions_before b on b.execution_id = f.execution_id
