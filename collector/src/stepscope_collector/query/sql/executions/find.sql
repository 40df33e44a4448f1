-- Which executions one page has, for filters that read more than executions: so that they are asked
-- once. The filter compiler puts conditions, order column and order in the place of the marks.
-- $limit: rows at most; $offset: rows to pass over.
-- Columns: execution_id, value (of the order column; times in nanoseconds since the epoch).
select
    e.execution_id,
    epoch_ns(started_at) /* value */ as value
from executions as e
where true /* filter */
order by execution_id /* order */
limit $limit offset $offset
