-- Twelve hex digits that are the same for errors of one kind: same class, same normal_message, and where
-- there is a stack the same stack_frames.
create or replace macro error_fingerprint(error_type, message, stack) as
    left(md5(concat_ws(
        chr(31), coalesce(error_type, ''), coalesce(normal_message(message), ''),
        array_to_string(stack_frames(stack), chr(31))
    )), 12)
