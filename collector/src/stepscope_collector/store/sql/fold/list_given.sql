-- The traces $trace_ids are folded, as temporary table `folding`.
create or replace temp table folding as
select unnest($trace_ids::uuid[]) as trace_id
