-- The executions $execution_ids that are to be erased, as temporary table `erasing`.
create or replace temp table erasing as
select distinct unnest($execution_ids::varchar[]) as execution_id
