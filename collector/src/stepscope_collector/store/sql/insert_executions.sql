-- Stores the executions of `folded` that have no row yet. $ingested_at: UTC time of the commit. Of the final span
-- only what differs from the execution's own trace and start takes room in the file.
insert into stored.executions by name
select
    f.* exclude (final),
    execution_key(f.execution_id) as execution_key,
    time_of(coalesce(f.started_unix_nano, f.first_unix_nano)) as started_at,
    f.final.end_unix_nano as final_end_unix_nano,
    time_of(f.final.end_unix_nano) as ended_at,
    duration_of(coalesce(f.started_unix_nano, f.first_unix_nano), f.final.end_unix_nano) as duration_ns,
    nullif(f.final.start_unix_nano, f.first_unix_nano) as final_start_unix_nano,
    nullif(f.final.trace_id, f.any_trace_id) as final_trace_id,
    f.final.span_id as final_span_id,
    f.final.status as status,
    f.final.status_native as status_native,
    f.final.error_type as error_type,
    f.final.error_message as error_message,
    f.final.exit_code as exit_code,
    $ingested_at as ingested_at,
    $ingested_at as updated_at
from folded f
where not exists (from merged m where m.execution_id = f.execution_id)
