-- Takes the pin from the execution $execution_id.
delete from stored.pins
where execution_id = $execution_id
