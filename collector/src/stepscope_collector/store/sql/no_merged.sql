-- An empty temporary table `merged`, for a commit that only brings new executions.
create or replace temp table merged as
select execution_id
from folded
where false
