-- The message of an error without what differs from one occurrence to the next: addresses, UUIDs, quoted
-- text, paths, hexadecimal words and numbers become <url>, <uuid>, <text>, <path>, <hex> and <n>; blanks
-- count once; at most 500 characters.
create or replace macro normal_message(message) as
    trim(regexp_replace(
    regexp_replace(
    regexp_replace(
    regexp_replace(
    regexp_replace(
    regexp_replace(
    regexp_replace(
        left(message, 500),
        '\b[A-Za-z][A-Za-z0-9+.-]*://[^\s''"`<>]+', '<url>', 'g'),
        '(?i)\b[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\b', '<uuid>', 'g'),
        '(^|[^\w])(?:''[^'']*''|"[^"]*"|`[^`]*`)', '\1<text>', 'g'),
        '(^|[^\w<])(?:[A-Za-z]:\\[^\s,;)]+|~?(?:/[\w.@+-]+){2,}/?)', '\1<path>', 'g'),
        '(?i)\b(?:0x[0-9a-f]+|[0-9a-f]{8,})\b', '<hex>', 'g'),
        '[0-9]+(?:[.,][0-9]+)*', '<n>', 'g'),
        '\s+', ' ', 'g'))
