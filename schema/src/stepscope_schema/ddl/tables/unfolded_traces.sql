-- Large traces with spans that are not folded into executions and steps yet: that is done after a
-- while for many at once, since all spans of a trace are folded together.
create table if not exists stored.unfolded_traces (
    trace_id uuid not null                  -- the trace
)
