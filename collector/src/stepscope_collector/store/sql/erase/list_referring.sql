-- Executions that name one of those in `erasing`, as temporary table `referring`.
create or replace temp table referring as
select execution_id, first_unix_nano, last_start_unix_nano
from stored.executions
where parent_execution_id in (select execution_id from erasing)
    or root_execution_id in (select execution_id from erasing)
    or retry_of_execution_id in (select execution_id from erasing)
    or continued_from_execution_id in (select execution_id from erasing)
