-- How long an open execution may be silent before it counts as lost. The collector replaces this
-- macro at start with its setting executions.lost_after_s.
create or replace macro lost_after_ns() as cast(300000000000 as ubigint)
