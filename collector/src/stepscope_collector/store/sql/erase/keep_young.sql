-- Leaves only the executions in `young` in `erasing`, for their tombstones.
delete from erasing
where execution_id not in (select execution_id from young)
