-- Names, in small letters, of the scalar functions that always give the same for the same arguments.
select lower(function_name) as name
from duckdb_functions()
where function_type = 'scalar' and not starts_with(function_name, '__')
group by all
having bool_and(stability = 'CONSISTENT')
