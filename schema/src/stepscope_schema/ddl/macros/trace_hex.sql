-- Trace id as 32 lower-case hex digits.
create or replace macro trace_hex(trace_id) as replace(cast(trace_id as varchar), '-', '')
