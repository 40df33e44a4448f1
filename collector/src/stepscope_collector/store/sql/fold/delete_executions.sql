-- Removes the rows that are folded anew.
delete from stored.executions
where execution_id in (select execution_id from executions_before)
