-- Takes the ids of the executions in `erasing` out of the spans of those that name them; an attribute
-- that held one is an empty text. $first, $last: bounds of the starts in ns.
update stored.spans s
set parent_execution_id = case when parent_execution_id not in (select execution_id from erasing)
        then parent_execution_id end,
    root_execution_id = case when root_execution_id not in (select execution_id from erasing)
        then root_execution_id end,
    attributes = case when attributes is null then null else map_from_entries(list_transform(
        map_entries(attributes), lambda a: {
            'key': a.key,
            'value': case when list_contains($execution_ids::varchar[], a.value) then '' else a.value end
        }
    )) end,
    raw = case when raw is null or not list_bool_or(list_transform(
        $execution_ids::varchar[], lambda i: contains(hex(raw), hex(encode(i)))
    )) then raw end
where start_time_unix_nano between $first and $last
    and execution_id in (select execution_id from referring)
