-- An empty temporary table `importing` with the columns of stored.{table}.
create or replace temp table importing as
from stored.{table}
limit 0
