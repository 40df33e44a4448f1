-- The beginning of a statistic over chosen executions: query/scoped.py puts the views it reads, and the
-- statement, behind it, for which these then are the views of their names. The filter compiler puts
-- conditions in the place of the marked line. Retention has kept nothing that a filter could choose by.
-- Columns: those of the views.
with no_rollups as not materialized (
    select * from stored.rollups where false
), chosen as materialized (
    select e.execution_id
    from main.executions as e
    where true /* filter */
), executions as not materialized (
    select * from main.executions where execution_id in (select execution_id from chosen)
), attempts as not materialized (
    select * from main.attempts where execution_id in (select execution_id from chosen)
), steps as not materialized (
    select * from main.steps where execution_id in (select execution_id from chosen)
), failures as not materialized (
    select * from main.failures where execution_id in (select execution_id from chosen)
), execution_logs as not materialized (
    select * from main.execution_logs where execution_id in (select execution_id from chosen)
)
