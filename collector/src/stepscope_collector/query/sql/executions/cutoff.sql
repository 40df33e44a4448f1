-- Between which values of the order column a page ends: only rows up to there need to be sorted and
-- read whole, which takes a third of the time (benchmarks/bench_query.py, 1M executions). The filter
-- compiler puts conditions, order column and direction in the place of the marks.
-- $count: rows up to the end of the page.
-- Columns: least, greatest (of the order column, as it is stored); is_complete: no row of these has
-- none; row_count.
with page as (
    select started_at /* column */ as value
    from executions as e
    where true /* filter */
    order by value asc /* direction */ nulls last
    limit $count
)
select
    epoch_ns(min(value)) /* least */ as least,
    epoch_ns(max(value)) /* greatest */ as greatest,
    count(value) = count(*) as is_complete,
    count(*) as row_count
from page
order by row_count
