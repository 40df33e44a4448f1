-- Those of the traces in `remapping` with a span in `evidence` that the profile $dialect mapped, or
-- would map now: the condition.
select distinct trace_id
from evidence s
where s.dialect = $dialect or {condition}
order by trace_id
