-- Number that stands for the id of an execution where many are looked through: the lower half of its MD5.
-- Not hash(), whose values may change with DuckDB. Two ids may have the same, so compare the ids, too.
create or replace macro execution_key(execution_id) as md5_number_lower(execution_id)
