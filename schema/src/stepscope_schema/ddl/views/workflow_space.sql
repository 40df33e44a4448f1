-- What each workflow takes per day of the start (UTC), most of it first to be looked for: rows and bytes
-- of text before compression (R089). What is kept now, not what was removed.
create or replace view workflow_space as
with values_of as (
    select execution_id, count(*) as count, sum(strlen(body))::bigint as bytes
    from stored.payloads
    group by execution_id
), records_of as (
    select
        execution_id, count(*) as count,
        sum(coalesce(strlen(body), 0) + coalesce(list_sum(list_transform(
            map_values(attributes), lambda v: coalesce(strlen(v), 0)
        )), 0))::bigint as bytes
    from execution_logs
    group by execution_id
)
select
    e.workflow_id,                              -- varchar: identity of the workflow; null: not told
    any_value(e.workflow_name) as workflow_name, -- varchar: name of the workflow
    day_of(e.started_at) as day_at,             -- timestamp_ns: begin of the day (UTC)
    count(*) as count,                          -- bigint: executions
    sum(s.span_count)::bigint as span_count,    -- bigint: their finished spans
    coalesce(sum(v.count), 0)::bigint as payload_count, -- bigint: inputs, outputs, params and large values
    coalesce(sum(v.bytes), 0)::bigint as payload_bytes, -- bigint: of their text
    coalesce(sum(l.count), 0)::bigint as log_count, -- bigint: log records
    coalesce(sum(l.bytes), 0)::bigint as log_bytes -- bigint: of their bodies and attribute values
from executions e
join stored.executions s using (execution_id)
left join values_of v using (execution_id)
left join records_of l using (execution_id)
group by all
