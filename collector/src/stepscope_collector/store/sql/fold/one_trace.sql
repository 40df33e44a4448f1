-- The trace $trace_id as temporary table `folding`.
create or replace temp table folding as
select cast($trace_id as uuid) as trace_id
