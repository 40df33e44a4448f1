-- As asked/text.sql.
select id, error_message
from executions
where error_message like '%' || :text || '%'
order by started_at desc
limit 50
