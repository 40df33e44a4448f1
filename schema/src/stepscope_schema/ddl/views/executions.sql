-- One row per execution of every engine, running ones included.
create or replace view executions as
select
    execution_id,
    coalesce(workflow_id, workflow_name, 'unknown') as workflow_id,
    coalesce(workflow_name, workflow_id, 'unknown') as workflow_name,
    workflow_version,
    project,
    dialect,
    service_name,
    trigger_type,
    user_id,
    cast(tags as json) as tags,
    case when final_end_unix_nano is not null then status
        when started_unix_nano is null and dialect = 'otel'
            then live_status(last_seen_unix_nano, 'unknown')
        else live_status(last_seen_unix_nano, 'lost') end as status,
    status_native,
    time_of(coalesce(started_unix_nano, first_unix_nano)) as started_at,
    time_of(final_end_unix_nano) as ended_at,
    duration_of(coalesce(started_unix_nano, first_unix_nano), final_end_unix_nano) as duration_ns,
    time_of(last_seen_unix_nano) as last_seen_at,
    error_type,
    error_message,
    exit_code,
    parent_execution_id,
    coalesce(root_execution_id, execution_id) as root_execution_id,
    trace_hex(trace_id) as trace_id,
    span_hex(final_span_id) as span_id,
    attempt_count,
    failed_attempt_count,
    span_count,
    ingested_at,
    updated_at
from stored.executions
