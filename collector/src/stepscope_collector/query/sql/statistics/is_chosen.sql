-- That a try belongs to a chosen execution: statistics/slowest_*.sql take it in the place of their
-- mark, and the filter compiler puts conditions in the place of the marked line.
execution_id in (
    select e.execution_id from main.executions as e
    where true /* filter */
)
