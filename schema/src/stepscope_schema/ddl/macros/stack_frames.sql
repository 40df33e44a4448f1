-- The three frames of a stack nearest to where the error arose, without directories and line numbers, as
-- a list; empty: none are recognised. Python names the innermost frame last (`File "…", line …, in …`),
-- Java, JavaScript and .NET first (`at …`).
create or replace macro stack_frames(stack) as
    case when contains(stack, 'File "')
        then list_transform(
            regexp_extract_all(stack, 'File "[^"\n]*?[^"/\\\n]+", line [0-9]+(?:, in [^\n]+)?')[-3:],
            lambda frame: regexp_replace(
                frame, '^File "(?:[^"]*[/\\])?([^"/\\]+)", line [0-9]+(?:, in )?', '\1 ')
        )
        else list_transform(
            regexp_extract_all(coalesce(stack, ''), '(?m)^\s*at [^\n]+')[:3],
            lambda frame: trim(regexp_replace(
                regexp_replace(frame, '^\s*at |(?:[A-Za-z]+://|[\w.@:\\/-]*[/\\])', '', 'g'),
                '[:0-9]+\)?$|0x[0-9a-f]+', '', 'g'))
        ) end
