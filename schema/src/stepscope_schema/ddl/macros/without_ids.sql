-- A text without what differs from one run to the next: UUIDs, hexadecimal words and numbers become <uuid>,
-- <hex> and <n>.
create or replace macro without_ids(message) as
    regexp_replace(
    regexp_replace(
    regexp_replace(
        message,
        '(?i)\b[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\b', '<uuid>', 'g'),
        '(?i)\b(?:0x[0-9a-f]+|[0-9a-f]{8,})\b', '<hex>', 'g'),
        '[0-9]+(?:[.,][0-9]+)*', '<n>', 'g')
