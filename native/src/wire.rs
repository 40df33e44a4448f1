//! Reads the protobuf wire format from untrusted bytes, by slices and checked indices only.
//!
//! Whatever is not plain (groups, wrong wire types, overlong numbers, bytes that end early) is `Odd`:
//! the kernel then gives the whole request back and the reference decoder has the last word on it.

/// Why the kernel does not decode a request; a word for logs and tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Odd(pub &'static str);

pub type Result<T> = std::result::Result<T, Odd>;

pub const VARINT: u8 = 0;
pub const FIXED64: u8 = 1;
pub const BYTES: u8 = 2;
pub const FIXED32: u8 = 5;

const CUT_SHORT: Odd = Odd("cut short");

/// A message that is read field by field.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

/// Number and wire type of a field.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Tag {
    pub number: u32,
    pub wire: u8,
}

impl<'a> Reader<'a> {
    #[inline]
    pub fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next tag; None at the end of the message.
    #[inline(always)]
    pub fn tag(&mut self) -> Result<Option<Tag>> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint32()?;
        let number = tag >> 3;
        if number == 0 {
            return Err(Odd("field number 0"));
        }
        Ok(Some(Tag {
            number,
            wire: (tag & 7) as u8,
        }))
    }

    /// A varint of any size up to 64 bits.
    #[inline]
    pub fn varint(&mut self) -> Result<u64> {
        match self.rest {
            [byte, rest @ ..] if *byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(10),
        }
    }

    /// A tag or length: at most 5 bytes and 32 bits.
    #[inline(always)]
    fn varint32(&mut self) -> Result<u32> {
        match self.rest {
            [byte, rest @ ..] if *byte < 0x80 => {
                self.rest = rest;
                Ok(u32::from(*byte))
            }
            [low, high, rest @ ..] if *high < 0x80 => {
                self.rest = rest;
                Ok(u32::from(*low & 0x7f) | u32::from(*high) << 7)
            }
            _ => {
                let value = self.long_varint(5)?;
                u32::try_from(value).map_err(|_| Odd("tag or length above 32 bits"))
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn long_varint(&mut self, max_bytes: usize) -> Result<u64> {
        let mut value = 0u64;
        for (index, &byte) in self.rest.iter().take(max_bytes).enumerate() {
            if index == 9 && byte > 1 {
                return Err(Odd("number above 64 bits"));
            }
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                self.rest = &self.rest[index + 1..];
                return Ok(value);
            }
        }
        Err(if self.rest.len() < max_bytes {
            CUT_SHORT
        } else {
            Odd("number too long")
        })
    }

    /// A length-delimited value.
    #[inline(always)]
    pub fn bytes(&mut self) -> Result<&'a [u8]> {
        let length = self.varint32()? as usize;
        let (value, rest) = self.rest.split_at_checked(length).ok_or(CUT_SHORT)?;
        self.rest = rest;
        Ok(value)
    }

    #[inline]
    pub fn fixed64(&mut self) -> Result<u64> {
        let (value, rest) = self.rest.split_first_chunk::<8>().ok_or(CUT_SHORT)?;
        self.rest = rest;
        Ok(u64::from_le_bytes(*value))
    }

    #[inline]
    pub fn fixed32(&mut self) -> Result<u32> {
        let (value, rest) = self.rest.split_first_chunk::<4>().ok_or(CUT_SHORT)?;
        self.rest = rest;
        Ok(u32::from_le_bytes(*value))
    }

    /// Step over a field that OTLP does not have, or that has another type there: unknown to protobuf.
    #[cold]
    pub fn skip(&mut self, tag: Tag) -> Result<()> {
        match tag.wire {
            VARINT => self.varint().map(drop),
            FIXED64 => self.fixed64().map(drop),
            BYTES => self.bytes().map(drop),
            FIXED32 => self.fixed32().map(drop),
            _ => Err(Odd("group")),
        }
    }
}

/// Refuse what is not UTF-8; only for strings that get into no column, for columns check theirs.
#[inline]
pub fn check_utf8(text: &[u8]) -> Result<()> {
    if text.is_ascii() || std::str::from_utf8(text).is_ok() {
        Ok(())
    } else {
        Err(NOT_UTF8)
    }
}

pub const NOT_UTF8: Odd = Odd("string that is not UTF-8");

/// Take the later of two strings in one field, as protobuf does; the earlier must be valid all the same.
#[inline]
pub fn set_text<'a>(field: &mut &'a [u8], value: &'a [u8]) -> Result<()> {
    if !field.is_empty() {
        check_utf8(field)?;
    }
    *field = value;
    Ok(())
}

/// Eight bytes as a number, most significant first; 0 for none.
pub fn big_endian(id: &[u8]) -> u64 {
    id.try_into().map_or(0, u64::from_be_bytes)
}
