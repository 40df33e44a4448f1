-- The execution of a step that was written with an id of its own. $id: that id. Column: the execution.
select any_value(execution_id) as execution_id
from main.spans
where role = 'step' and attributes['stepscope.record.id'] = $id
