-- Takes the ids of the executions in `erasing` out of the rows of those that name them.
update stored.executions e
set parent_execution_id = case when parent_execution_id not in (select execution_id from erasing)
        then parent_execution_id end,
    root_execution_id = case when root_execution_id not in (select execution_id from erasing)
        then root_execution_id end,
    retry_of_execution_id = case when retry_of_execution_id not in (select execution_id from erasing)
        then retry_of_execution_id end,
    continued_from_execution_id = case
        when continued_from_execution_id not in (select execution_id from erasing)
        then continued_from_execution_id end
where execution_id in (select execution_id from referring)
