//! Lengths of UTF-8 text in characters, as Python counts them.

/// Characters of a scope's name that stand in every row.
pub const SHARED_CHARS: usize = 256;

/// Characters in UTF-8 text: bytes that continue none.
pub fn characters(text: &[u8]) -> usize {
    text.iter().filter(|&&byte| byte & 0xc0 != 0x80).count()
}

/// How many bytes the first characters of UTF-8 text take.
pub fn prefix(text: &[u8], characters: usize) -> usize {
    if text.len() <= characters {
        return text.len();
    }
    let mut starts = text
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte & 0xc0 != 0x80);
    starts.nth(characters).map_or(text.len(), |(at, _)| at)
}
