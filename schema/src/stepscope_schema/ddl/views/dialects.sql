-- The dialects of spans: each profile in force, and how much of the history it mapped. A dialect that
-- is in the history and has no profile any more is there, too.
create or replace view dialects as
with profiles as (
    select name, loaded_at, unnest(from_json(told, '{
        "description": "VARCHAR", "version": "VARCHAR", "priority": "INTEGER", "origin": "VARCHAR",
        "source": "VARCHAR", "fills": ["VARCHAR"], "not_emitted": "MAP(VARCHAR, VARCHAR)"
    }'))
    from stored.profiles
),
executions_of as (
    select coalesce(dialect, 'otel') as name, count(*) as execution_count,
        max(started_at) as last_started_at
    from stored.executions
    group by all
),
spans_of as (
    select dialect as name, count(*) as span_count
    from stored.spans
    group by all
)
select
    name as dialect,                                -- varchar: name of the profile, as in the other views
    p.description,                                  -- varchar: the engine whose spans it maps
    p.version,                                      -- varchar: what its author calls this state of it; of shipped ones the version of Stepscope
    coalesce(p.origin, 'none') as origin,           -- varchar: shipped, own, or none: it is not in force any more
    p.source,                                       -- varchar: file it came from
    p.priority,                                     -- integer: of several that detect a span the highest maps it
    coalesce(e.execution_count, 0) as execution_count, -- bigint: executions of it
    coalesce(s.span_count, 0) as span_count,        -- bigint: spans it mapped
    e.last_started_at,                              -- timestamp_ns: newest start of an execution of it
    p.fills,                                        -- varchar[]: fields it fills
    p.not_emitted,                                  -- map(varchar, varchar): what its engine does not emit, and why
    p.loaded_at                                     -- timestamp_ns: since when it is in force like this
from profiles p
full join executions_of e using (name)
full join spans_of s using (name)
