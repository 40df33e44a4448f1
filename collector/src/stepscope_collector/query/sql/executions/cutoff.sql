-- The value of the order column in the last row of a page: a page is found in a fifth of the time
-- when only rows up to it are sorted. The filter compiler puts conditions, direction and the
-- order column in the place of the marks.
-- $last: rows up to the end of the page, less one.
-- Columns: value, nanoseconds; null or no row: the page reaches rows without value, or the end.
select started_at /* value */ as value
from executions as e
where true /* filter */
order by value asc /* direction */ nulls last
limit 1 offset $last
