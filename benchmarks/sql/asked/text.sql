-- Newest 50 executions whose error holds a text. $text.
select execution_id, error_message
from executions
where contains(error_message, $text)
order by started_at desc
limit 50
