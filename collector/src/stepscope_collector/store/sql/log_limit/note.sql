-- Notes the first records that an execution has lost; parameters as of add.sql.
insert into stored.log_drops by name
select
    unnest($execution_ids) as execution_id,
    cast(unnest($trace_ids) as uuid) as trace_id,
    unnest($counts) as dropped_count,
    $now as first_dropped_at,
    $now as last_dropped_at
