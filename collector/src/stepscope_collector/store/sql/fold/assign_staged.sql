-- Gives the staged spans the execution and role that the registered table `folded_spans` says.
update staged m
set execution_id = f.execution_id, role = f.role,
    step_id = case when m.is_folded then f.step_id else m.step_id end,
    step_name = case when m.is_folded then f.step_name else m.step_name end
from folded_spans f
where f.span_number = m.span_row
