-- Twelve hex digits that are the same for errors of one kind: same class, same normal_message, and where
-- there is a stack the same stack_frames. A message that begins with the class, as some engines tell it
-- (`ValueError: no such order`), is that of the class without.
create or replace macro error_fingerprint(error_type, message, stack) as
    left(md5(concat_ws(
        chr(31), coalesce(error_type, ''),
        coalesce(normal_message(case
            when starts_with(message, error_type || ': ') then substr(message, length(error_type) + 3)
            when starts_with(message, string_split(error_type, '.')[-1] || ': ')
                then substr(message, length(string_split(error_type, '.')[-1]) + 3)
            else message end), ''),
        array_to_string(stack_frames(stack), chr(31))
    )), 12)
