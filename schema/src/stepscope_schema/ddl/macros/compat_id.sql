-- A number that stands for a row of an execution: greater for a greater place, below 2^53.
create or replace macro compat_id(execution_id, place) as
    cast(md5_number_lower(execution_id) % 4294967296 as bigint) * 1048576 + place
