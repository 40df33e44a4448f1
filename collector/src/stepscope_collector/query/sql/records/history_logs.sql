-- The last log lines of an execution as design 002 kept them, in order. $id: the execution; $limit: null: all.
-- Columns: those of compat_002.execution_logs but the number of the row.
select execution_id, sequence, timestamp, log_type, log_data
from (
    select *, row_number() over (order by sequence desc, timestamp desc) as from_end
    from compat_002.execution_logs
    where execution_id = $id
)
where from_end <= coalesce($limit, 9223372036854775807)
order by sequence, timestamp
