-- Which execution is meant, among those that started in a time: of ids that tell when they were made, only the row
-- groups of that time are looked through. Stands in locate.sql in the place of the number of the row.
-- $id: execution id; $from_ns, $until_ns: nanoseconds since the epoch.
execution_key = execution_key($id)
    and started_at between make_timestamp_ns(cast($from_ns as bigint)) and make_timestamp_ns(cast($until_ns as bigint))
