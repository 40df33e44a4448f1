-- What the staged rows span: least and greatest start and least begin of open spans in ns, and
-- whether some span named its execution and some did not.
select
    count(*) as row_count,
    min(start_time_unix_nano) as first_start,
    max(start_time_unix_nano) as last_start,
    min(begun_unix_nano) filter (open_span_id is not null) as first_open,
    bool_or(is_explicit) as any_explicit,
    bool_or(not is_explicit) as any_implicit,
    bool_or(is_folded) as any_folded
from staged
