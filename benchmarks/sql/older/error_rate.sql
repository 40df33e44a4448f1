-- As asked/error_rate.sql.
select
    node_name, strftime('%Y-%m-%dT%H', started_at) as hour,
    avg(status = 'error')
from node_executions
group by node_name, hour
