-- The rows of one span of `evidence`, each as it was stored. $trace_id, $span_id: in hex.
-- Columns: span_number, name, start_time_unix_nano, dialect, execution_id, role, and what profiles read
-- to detect it: scope_name, service_name, kind, parent_span_id, attributes, resource_attributes.
select
    span_number, name, start_time_unix_nano, dialect, execution_before as execution_id, role,
    scope_name, service_name, kind, parent_span_id, status_code, attributes, resource_attributes
from evidence
where trace_id = cast($trace_id as uuid) and span_id = cast('0x' || $span_id as ubigint)
order by start_time_unix_nano, span_number
