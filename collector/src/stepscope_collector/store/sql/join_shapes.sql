-- Makes the batch `incoming_shapes` the view `incoming_spans`: attributes that came as structs become maps.
-- Placeholders: the columns that are structs, and for each the branch that casts it. A row has its
-- attributes in one of them, else in `attributes`. Branches, for DuckDB then casts no row of another.
create temp view incoming_spans as
select * exclude (attributes, {shapes}), case {cases} else attributes end as attributes
from incoming_shapes
