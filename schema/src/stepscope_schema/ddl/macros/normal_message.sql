-- The message of an error without what differs from one occurrence to the next: addresses, quoted text and
-- paths become <url>, <text> and <path>, ids and numbers what without_ids makes of them; blanks count once;
-- at most 500 characters.
create or replace macro normal_message(message) as
    trim(regexp_replace(
    without_ids(
    regexp_replace(
    regexp_replace(
    regexp_replace(
        left(message, 500),
        '\b[A-Za-z][A-Za-z0-9+.-]*://[^\s''"`<>]+', '<url>', 'g'),
        '(^|[^\w])(?:''[^'']*''|"[^"]*"|`[^`]*`)', '\1<text>', 'g'),
        '(^|[^\w<])(?:[A-Za-z]:\\[^\s,;)]+|~?(?:/[\w.@+-]+){2,}/?)', '\1<path>', 'g')),
        '\s+', ' ', 'g'))
