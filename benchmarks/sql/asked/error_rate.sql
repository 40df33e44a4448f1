-- Share of failed tries per step and hour.
select
    step_name, date_trunc('hour', started_at) as hour,
    count(*) filter (status = 'failed') / count(*) as error_rate
from attempts
group by all
