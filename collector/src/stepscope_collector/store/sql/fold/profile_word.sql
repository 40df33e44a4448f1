-- The word of a profile's map for a word of the sender, in any case; null when it has none.
create or replace temp macro profile_word(words, word) as words[lower(word)]
