"""Statements that somebody sends to break the collector, or to learn what is not the history.

Each is sent to a running collector, which has a secret in its environment and files beside its own.
"""

from typing import Final

DEEP: Final = "(select string_agg('[', '') || string_agg(']', '') as j from range(1000000))"
LONG: Final = "(select string_agg('ab', '') as a, string_agg('ba', '') as b from range({count}))"


def nested(call: str, times: int, start: str) -> str:
    """A call of a call of a call; @ is what it is called with."""
    text = start
    for _ in range(times):
        text = call.replace("@", text)
    return f"select length(({text})::varchar)"


def aliases(call: str, times: int, start: str) -> str:
    """Every alias is made from the one before."""
    columns = [f"{start} as a0"]
    columns += [f"{call.replace('@', f'a{n}')} as a{n + 1}" for n in range(times)]
    return f"select length(a{times}::varchar) from (select {', '.join(columns)})"


def subqueries(call: str, times: int, start: str) -> str:
    """Every subquery reads the one before."""
    text = f"select {start} as a"
    for _ in range(times):
        text = f"select {call.replace('@', 'a')} as a from ({text})"
    return f"select length(a::varchar) from ({text})"


def ctes(query: str, times: int, how: str = "") -> str:
    """Every CTE reads the one before, @."""
    parts = ["c0 as (select 1 as x)"]
    parts += [f"c{n + 1} as {how} ({query.replace('@', f'c{n}')})" for n in range(times)]
    return f"with {', '.join(parts)} select count(*) from c{times}"


def laterals(times: int) -> str:
    """Every lateral looks at the one before."""
    parts = [f", lateral (select t{n}.a + 1 as a) t{n + 1}" for n in range(times)]
    return f"select count(*) from (select 1 as a) t0{''.join(parts)}"


def within_each_other(times: int) -> str:
    """Every subquery looks at all around it."""
    text = "select " + " + ".join(f"o{n}.x" for n in range(times)) + " as x"
    for n in reversed(range(times)):
        text = f"select i{n}.x as x from (select {n} as x) o{n}, lateral ({text}) i{n}"
    return text


COUNTS: Final = ", ".join(
    f"(select count(*) from steps s where s.execution_id = e.execution_id and s.attempt_count > {n})"
    for n in range(100)
)
ONE_TEXT: Final = "(select string_agg('a', '') as t from range(1000000))"
MIXED: Final = "(select string_agg(case hash(range) % 2 when 0 then 'a' else 'b' end, '') as t from range(1000000))"


REFUSED: Final = {
    # files
    "read_text": "select * from read_text('/etc/passwd')",
    "read_blob of the database": "select * from read_blob('stepscope.duckdb')",
    "read_csv of tokens": "select * from read_csv('tokens.json')",
    "read_json of endpoints": "select * from read_json('endpoints.json')",
    "the environment of the process": "select * from read_text('/proc/self/environ')",
    "read_parquet": "select * from read_parquet('/tmp/*')",
    "parquet_metadata": "select * from parquet_metadata('/tmp/x')",
    "glob": "select * from glob('/**')",
    "sniff_csv": "select * from sniff_csv('/etc/passwd')",
    "a file as a table": "from '/etc/passwd'",
    "a file in double quotes": 'from "/etc/passwd"',
    "a relative file": "from './other.csv'",
    "query_table of a file": "select * from query_table('/etc/passwd')",
    "summarize a file": "summarize '/etc/passwd'",
    "describe a file": "describe select * from '/etc/passwd'",
    "copy to": "copy executions to 'stolen.csv'",
    "copy from": "copy stored.executions from 'evil.csv'",
    "copy database": "copy from database stepscope to memory",
    "export": "export database 'stolen'",
    "import": "import database 'evil'",
    # network
    "a web page": "from 'https://127.0.0.1:1/x.parquet'",
    "a bucket": "from 's3://bucket/x.parquet'",
    "read_csv of a web page": "select * from read_csv('http://127.0.0.1:1/x.csv')",
    "http_get": "select http_get('http://127.0.0.1:1/')",
    "postgres_scan": "select * from postgres_scan('host=127.0.0.1', 'public', 't')",
    "quack_serve": "call quack_serve('quack:127.0.0.1:1')",
    # other databases, extensions, settings
    "attach": "attach 'other.duckdb' as o",
    "attach a remote one": "attach 'quack:127.0.0.1:1' as o",
    "a table of another database": "from other.main.t",
    "read_duckdb": "select * from read_duckdb('other.duckdb')",
    "detach": "detach stepscope",
    "use": "use memory",
    "install": "install httpfs",
    "install from elsewhere": "install evil from 'http://127.0.0.1:1/'",
    "load": "load '/tmp/evil.duckdb_extension'",
    "update extensions": "update extensions",
    "set": "set memory_limit = '100GB'",
    "set global": "set global threads = 1000",
    "unlock": "set lock_configuration = false",
    "reset": "reset memory_limit",
    "set variable": "set variable x = 1",
    "pragma": "pragma database_list",
    "pragma that sets": "pragma memory_limit='100GB'",
    "call": "call pragma_version()",
    "secret": "create secret s (type s3, key_id 'a', secret 'b')",
    "persistent secret": "create persistent secret s (type http)",
    # writing
    "insert": "insert into stored.executions select * from stored.executions",
    "update": "update stored.executions set status = 'success'",
    "delete": "delete from stored.executions",
    "truncate": "truncate stored.executions",
    "drop": "drop table stored.executions",
    "drop view": "drop view executions",
    "alter": "alter table stored.executions add column x integer",
    "create": "create table t as select 1",
    "temporary table": "create temp table t as select 1",
    "temporary view": "create temp view executions as select 1",
    "macro": "create or replace macro lost_after_ns() as 0",
    "temporary macro": "create temp macro canonical_status(x) as 'success'",
    "function": "create function f(x) as x",
    "type": "create type t as enum ('a')",
    "sequence": "create sequence s",
    "index": "create index i on stored.executions (execution_id)",
    "merge": "merge into stored.executions e using (select 1) s on true when matched then delete",
    "delete in a CTE": "with x as (delete from stored.executions returning *) from x",
    "insert in a CTE": "with x as (insert into stored.traces select * from stored.traces returning 1) from x",
    "update in a CTE": "with x as (update stored.executions set status = 'x' returning 1) from x",
    "explain analyze delete": "explain analyze delete from stored.executions",
    "comment": "comment on view executions is 'x'",
    "vacuum": "vacuum",
    "checkpoint": "force checkpoint",
    # around the check
    "two statements": "select 1; delete from stored.executions",
    "a statement after a comment": "select 1 --\n; delete from stored.executions",
    "commit": "commit",
    "rollback": "rollback",
    "begin": "begin",
    "prepare": "prepare p as delete from stored.executions",
    "execute": "execute p",
    "a text as a query": "select * from query('delete from stored.executions')",
    "a serialized query": "select * from json_execute_serialized_sql(json_serialize_sql('select 1'))",
    "a plan of a text": "select json_serialize_plan('select 1')",
    "a name in backticks": "from `query`('select 1')",
    "an unseen blank": "from query\u200b('select 1')",
    "out of the wrapper": "select 1) as t(c0); delete from stored.executions; select * from (select 1",
    "a NUL": "select 1\0; delete from stored.executions",
    # snooping
    "getenv": "select getenv('SECRET_OF_THE_TEST')",
    "secrets": "from duckdb_secrets()",
    "the folder of extensions": "from duckdb_extensions()",
    "which_secret": "from which_secret('s3://x', 's3')",
    "the log of queries": "from duckdb_logs",
    "prepared statements": "from duckdb_prepared_statements()",
    "variables of Python": "from environ",
    "batches of the writer": "from staged",
    # more than there is: columns, fields, expressions, texts
    "stars of stars": ctes("select *, * from @", 30),
    "stars of joins": ctes("from @ a, @ b", 30),
    "rows within rows": ctes("select @ as a, @ as b from @", 30),
    "structs within structs": subqueries("{'a': @, 'b': @}", 30, "1"),
    "lists of pairs": subqueries("list_zip(@, @)", 30, "[1]"),
    "not materialized": ctes("select x from @ union all select x from @", 40, "not materialized"),
    "aliases that double": aliases("@ || @", 31, "'x'"),
    "aliases of lists": aliases("[@, @]", 31, "1"),
    "aliases of json": aliases("json_array(@, @)", 31, "1"),
    "hex of hex": nested("hex(@)", 32, "'x'"),
    "bin of bin": nested("bin(@)", 11, "'x'"),
    "base64 of base64": nested("base64(@::blob)", 80, "'x'"),
    "escapes of escapes": nested("regexp_escape(@)", 32, "'.'"),
    "quotes of quotes": nested("to_json(@::varchar)", 40, "'\"'"),
    "a name of many parts": "select a" + ".a" * 20_000,
    "many unions": " union all ".join(["select 1"] * 5000),
    "many values": "values " + ", ".join(["(1)"] * 100_000),
    "deep brackets": "select " + "(" * 20_000 + "1" + ")" * 20_000,
    "deep lists": "select " + "[" * 5000 + "1" + "]" * 5000,
    "a number of millions of digits": (
        "select (x::bignum * x::bignum)::varchar from (select string_agg('9', '') x from range(2000000))"
    ),
    "numbers of millions of digits": "select ['9']::bignum[]",
    "every type there is": "from test_all_types(use_large_enum := true, use_large_bignum := true)",
    "withs within withs": "with a as (" * 60,
    "recursive withs": "with recursive a(x) as materialized (" * 60,
    "withs in a subquery": "select * from (" + "with a as (select 1), b as (" * 60,
    "brackets around a table": "select * from " + "(" * 20_000 + "range(1)" + ")" * 20_000,
    "brackets without end": "select " + "(" * 50_000,
    "brackets with comments": "select " + "( /* */ " * 9000,
    "plus signs": "select " + "+" * 50_000 + "1",
    "minus signs": "select " + "- " * 40_000,
    "nots": "select " + "not " * 20_000 + "true",
    "types of types": "select null::int" + "[]" * 40_000,
    "casts of casts": "select 1" + "::int" * 19_000,
    "elements of elements": "select [1]" + "[1]" * 30_000,
    "cases in cases": "select " + "case when true then " * 4000 + "1" + " end" * 4000,
    "lambdas in lambdas": "select " + "list_transform([1], lambda x: " * 2000 + "1" + ")" * 2000,
    "the stack, by a shape": "select json_transform('1', '" + "[" * 40_000 + "]" * 40_000 + "')",
    "the stack, by a shape of objects": (
        "select from_json_strict('1', '" + '{"a":' * 1500 + '"INT"' + "}" * 1500 + "')"
    ),
    "a shape of a text": f"select from_json('1', j) from {DEEP}",
    "every grouping": f"select 1 from spans group by cube ({', '.join(f'trace_id || {n}' for n in range(15))})",
    "many groupings": f"select 1 from spans group by grouping sets ({', '.join(['(trace_id)'] * 9000)})",
    "an earlier version": "select * from executions at (version => 1)",
    "an earlier time": "select * from executions at (timestamp => now())",
    "a list of tables": "from query_table(['executions', 'spans'])",
    "a table as a text": "from 'endpoints'",
    "a long text": "select length(repeat('x', 1000000000))",
    "a wide number": "select printf('%1000000000d', 1)",
    "a padded text": "select lpad('x', 1000000000, 'y')",
    "a long list": "select list_sum(range(1000000000))",
    "a list made long": "select list_resize([1], 1000000000)",
    "distance of long texts": f"select levenshtein(a, b) from {LONG.format(count=1_000_000)}",
    "likeness of long texts": f"select jaro_similarity(a, b) from {LONG.format(count=9_000_000)}",
    "the stack, by json_contains": f"select json_contains(j::json, '1') from {DEEP}",
    "the stack, by variant": f"select j::json::variant from {DEEP}",
    "laterals of laterals": laterals(60),
    "laterals within laterals": within_each_other(60),
    "many correlated subqueries": f"select {COUNTS} from executions e",
    "a long automaton": f"select regexp_matches(t, '(a|b)*a(a|b){{900}}c') from {MIXED}",
    "counts of counts": f"select regexp_matches(t, '^(a+)+$|(((a?){{30}}){{30}})b') from {ONE_TEXT}",
    "an automaton, by SIMILAR TO": f"select t similar to '(a|b)*a(a|b){{900}}c' from {MIXED}",
    "a pattern that is computed": "select regexp_matches(name, 'a{' || '900}') from spans",
    "every place of a long text": f"select length(regexp_extract_all(t, 'a.*b|a')) from {ONE_TEXT}",
    "replacements in a long text": f"select regexp_replace(t, 'a.*b|a', 'x', 'g') from {ONE_TEXT}",
    "a long text, split": f"select length(regexp_split_to_array(t, 'a.*b|a')) from {ONE_TEXT}",
    "a long text, split to rows": f"select regexp_split_to_table(t, 'a.*b|a') from {ONE_TEXT}",
    "a long text in the same SELECT": (
        "select string_agg('a', '') as t, length(regexp_extract_all(t, 'a.*b|a')) from range(1000000)"
    ),
    "mode of a window": "select mode(hash(range)) over (order by range) from range(1000000)",
    "mode of a wide window": (
        "select mode(range) over (order by range rows between 100000 preceding and 100000 following) "
        "from range(1000000)"
    ),
    "mode without ties": (
        "select mode(range) over (rows between unbounded preceding and current row exclude ties) from range(300000)"
    ),
    "entropy of a list": "select list_aggregate(l, 'entropy') from (select list(range) as l from range(10000000))",
    "mode of a list": "select list_mode(l) from (select list(hash(range)) as l from range(5000000))",
    "distinct values of a long list": "select len(list_distinct(l)) from (select list(range) as l from range(10000000))",
    "a long list with itself": "select list_intersect(l, l) from (select list(range) as l from range(5000000))",
    "any of a long list": (
        "with a as (select list(range) as l from range(5000000)), b as (select l as m from a) "
        "select list_has_any(m, [-1]) from b"
    ),
    "all of a long list": "select list_has_all(a, b) from (select list(range), list(range) from range(9000000)) t(a, b)",
    "an overlap of long lists": "select l && l from (select array_agg(range) as l from range(9000000))",
    "a map of a long list": "select map(l, l) from (select list(range) over () as l from range(3000000)) limit 1",
    "a long list of a subquery": "select list_unique((select list(range) from range(10000000)))",
    "lists grouped by nothing": "select list_unique(list(range)) from range(10000000) group by true",
    "distance of one long text": f"select levenshtein(t, '{'b' * 1000}') from {ONE_TEXT}",
    "a long text in each row": f"select max(length(t || range::varchar)) from {ONE_TEXT}, range(100000)",
    "a long text in each row, by another name": (
        f"select max(length(concat(x.v, r))) from (select upper(u.t) as v from {ONE_TEXT} u) x, range(100000) t(r)"
    ),
    "a long text in each row, by chance": f"select max(length(t || random())) from {ONE_TEXT} join range(2048) on true",
    "a long text of a subquery": f"select max(length(range || (select t from {ONE_TEXT}))) from range(2048)",
    "a long list in each row": (
        "select max(len(list_append(l, range))) from (select list(range) as l from range(1000000)), range(2048)"
    ),
    "an aggregate that is computed": "select list_aggregate([1], 'mo' || 'de')",
    "sleep": "select sleep_ms(1000000)",
    "pg_sleep": "select pg_sleep(1000000)",
}  # fmt: skip
"""What it tries → the statement; each is refused before it runs."""

BOUNDED: Final = {
    # time
    "a product of all": "select count(*) from range(10000000) a, range(10000000) b",
    "a product that keeps nothing": (
        "select count(*) from range(100000) a, range(100000) b, range(100000) c "
        "where a.range + b.range + c.range < 0"
    ),
    "an endless recursion": "with recursive r(n) as (select 1 union all select n + 1 from r) select max(n) from r",
    "an endless answer": "select md5(range::varchar) from range(1000000000000)",
    "hashes": "select max(md5(range::varchar)) from range(1000000000000)",
    "every leaf of deep json": f"select count(*) from {DEEP}, json_tree(j)",
    "every pair of spans": "select count(*) from spans a, spans b, range(1000000000)",
    # memory
    "a list of rows": "select list(range) from range(1000000000)",
    "a text of rows": "select length(string_agg('xxxxxxxxxxxxxxxxxxxx')) from range(1000000000)",
    "json of rows": "select length(json_group_array(range)) from range(1000000000)",
    "groups": "select max(c) from (select hash(range) h, count(*) c from range(1000000000) group by h)",
    "a sort": "select * from range(1000000000) order by hash(range)",
    "distinct values": "select count(distinct hash(range)) from range(1000000000)",
    "a histogram": "select histogram(range) from range(1000000000)",
    "lists of a window": "select max(length(l)) from (select list(range) over (order by range) l from range(1000000))",
    "a join of all": "select count(*) from range(100000000) a join range(100000000) b on a.range < b.range",
    "texts that double": subqueries("@ || @", 33, "'x'"),
    "a recursion that doubles": (
        "with recursive r(n, s) as (select 0, 'x' union all select n + 1, s || s from r where n < 40) "
        "select max(length(s)) from r"
    ),
    "rows that multiply": "with recursive r(n) as (select 1 union all select n from r, range(10)) select count(*) from r",
    "copies of copies": ctes("from @ union all from @", 40),
}  # fmt: skip
"""What it tries → the statement; it runs until a limit on time, memory or rows stops it."""

TOLD: Final = {
    "settings": "select * from duckdb_settings()",
    "databases": "select * from duckdb_databases()",
    "functions": "select count(*) from duckdb_functions()",
    "tables": "select * from duckdb_tables()",
    "the information schema": "select * from information_schema.tables",
    "the catalogue of Postgres": "select * from pg_catalog.pg_class",
    "show databases": "show databases",
    "show all tables": "show all tables",
    "current_setting": "select current_setting('memory_limit')",
    "version": "select version(), current_database(), current_schema()",
}
"""What it tries → the statement; it is answered, and tells nothing but of the history's database."""
