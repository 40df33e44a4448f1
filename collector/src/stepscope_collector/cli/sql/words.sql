-- What can stand in a statement, for completion: views, tables, columns, macros, functions, keywords.
-- Columns: kind, word, owner: the view or table of a column, else null.
select 'relation' as kind,
    case when schema_name = 'main' then view_name else schema_name || '.' || view_name end as word,
    null as owner
from duckdb_views()
where not internal
union all
select 'relation', schema_name || '.' || table_name, null
from duckdb_tables()
where not internal
union all
select 'column', column_name,
    case when schema_name = 'main' then table_name else schema_name || '.' || table_name end
from duckdb_columns()
where not internal
union all
select distinct 'function', function_name, null
from duckdb_functions()
where regexp_full_match(function_name, '[a-z][a-z0-9_]*') and function_name not like 'pragma%'
union all
select 'keyword', keyword_name, null
from duckdb_keywords()
where keyword_category = 'reserved' or keyword_name in ('by', 'over', 'partition', 'values')
order by all
