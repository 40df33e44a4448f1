-- Removes the rows of executions that are folded anew; some may have no span left.
delete from stored.executions
where execution_id in (select execution_id from refolded)
