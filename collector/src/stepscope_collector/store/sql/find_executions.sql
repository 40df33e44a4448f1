-- The stored rows of the executions in `folded`, which find_known found, merged with them, as temporary table `merged`;
-- `row_id` says where they stand.
create or replace temp table merged as
select
    e.rowid as row_id,
    e.execution_id,
    greatest(e.dialect, f.dialect) as dialect,
    greatest(e.service_name, f.service_name) as service_name,
    greatest(e.workflow_id, f.workflow_id) as workflow_id,
    greatest(e.workflow_name, f.workflow_name) as workflow_name,
    greatest(e.workflow_version, f.workflow_version) as workflow_version,
    greatest(e.project, f.project) as project,
    greatest(e.trigger_type, f.trigger_type) as trigger_type,
    greatest(e.user_id, f.user_id) as user_id,
    greatest(e.tags, f.tags) as tags,
    greatest(e.parent_execution_id, f.parent_execution_id) as parent_execution_id,
    greatest(e.root_execution_id, f.root_execution_id) as root_execution_id,
    least(e.started_unix_nano, f.started_unix_nano) as started_unix_nano,
    least(e.queued_unix_nano, f.queued_unix_nano) as queued_unix_nano,
    least(e.first_unix_nano, f.first_unix_nano) as first_unix_nano,
    greatest(e.last_seen_unix_nano, f.last_seen_unix_nano) as last_seen_unix_nano,
    greatest(e.last_start_unix_nano, f.last_start_unix_nano) as last_start_unix_nano,
    greatest(e.any_trace_id, f.any_trace_id) as any_trace_id,
    case when f.final is not null and (e.final_end_unix_nano is null
            or (f.final.end_unix_nano, f.final.span_id) > (e.final_end_unix_nano, e.final_span_id))
        then f.final
        else struct_pack(
            end_unix_nano := e.final_end_unix_nano,
            start_unix_nano := case when e.final_span_id is not null
                then coalesce(e.final_start_unix_nano, e.first_unix_nano) end,
            trace_id := case when e.final_span_id is not null
                then coalesce(e.final_trace_id, e.any_trace_id) end,
            span_id := e.final_span_id,
            status := e.status,
            status_native := e.status_native,
            error_type := e.error_type,
            error_message := e.error_message,
            exit_code := e.exit_code
        ) end as final,
    e.attempt_count + f.attempt_count as attempt_count,
    e.failed_attempt_count + f.failed_attempt_count as failed_attempt_count,
    e.span_count + f.span_count as span_count
from known k
join stored.executions e on e.rowid = k.row_id
-- of two ids with one key only the one that is meant
join folded f on f.execution_id = k.execution_id
