-- No trace is folded in this commit.
create or replace temp table folding as
select cast(null as uuid) as trace_id limit 0
