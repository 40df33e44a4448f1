-- The traces $trace_ids, as temporary table `remapping`.
create or replace temp table remapping as
select unnest($trace_ids::uuid[]) as trace_id
