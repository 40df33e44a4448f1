-- Executions that ran for the user $user_id.
select execution_id
from stored.executions
where user_id = $user_id
order by execution_id
