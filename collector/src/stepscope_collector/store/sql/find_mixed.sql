-- Traces of `staged` in which some spans name their execution and others do not, now or before,
-- as temporary table `mixed`: there the others belong to their nearest ancestor that does.
-- {source}: the staged spans that are not folded. $any_explicit, $any_implicit: of what kinds
-- the staged spans are.
create or replace temp table mixed as
with touched as (
    select trace_id, bool_or(is_explicit) as has_explicit, bool_or(not is_explicit) as has_implicit
    from {source}
    group by trace_id
)
select trace_id
from (
    from touched
    union all
    select t.trace_id, t.has_explicit, t.has_implicit
    from stored.traces t
    where ((t.has_implicit and $any_explicit) or (t.has_explicit and $any_implicit))
        and exists (from touched m where m.trace_id = t.trace_id)
)
group by trace_id
having bool_or(has_explicit) and bool_or(has_implicit)
