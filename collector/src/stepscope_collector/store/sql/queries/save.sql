-- Keeps a query; one of the same name must be gone. $name, $statement, $params: list of names,
-- $description, $now: UTC.
insert into stored.queries by name
select
    $name as name,
    $statement as statement,
    cast($params as varchar[]) as params,
    cast($description as varchar) as description,
    $now as saved_at
