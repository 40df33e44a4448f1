-- Names of the profiles that mapped executions.
select distinct dialect
from stored.executions
where dialect is not null
order by dialect
