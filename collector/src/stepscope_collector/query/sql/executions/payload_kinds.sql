-- Kinds of payloads that one execution has.
-- $execution_id: the execution; $first_unix_nano, $last_start_unix_nano: see locate.sql.
-- Columns: kind.
select distinct kind
from stored.payloads
where execution_id = $execution_id
    and start_time_unix_nano >= cast($first_unix_nano as ubigint)
    and start_time_unix_nano <= cast($last_start_unix_nano as ubigint)
order by kind
