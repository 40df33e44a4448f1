//! AnyValue as text with a one-letter type code: `decode/anyvalue.py` in Rust.

use crate::json;
use crate::wire::{BYTES, FIXED64, Odd, Reader, Result, VARINT};

/// The content of an AnyValue; nested values are still bytes.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    Empty,
    Str(&'a [u8]),
    Bool(bool),
    Int(i64),
    Double(f64),
    Array(&'a [u8]),
    KvList(&'a [u8]),
    Bytes(&'a [u8]),
}

/// Key and value of a KeyValue; a missing value is the empty one.
#[inline(always)]
pub fn key_value(message: &[u8]) -> Result<(&[u8], Value<'_>)> {
    // as nearly all are: a key and a value of fewer than 128 bytes, and nothing else
    if let [0x0a, length @ 0..0x80, rest @ ..] = message
        && let Some((key, [0x12, size @ 0..0x80, value @ ..])) =
            rest.split_at_checked(usize::from(*length))
        && value.len() == usize::from(*size)
    {
        return match value {
            [0x0a, length, text @ ..] if text.len() == usize::from(*length) => {
                Ok((key, Value::Str(text)))
            }
            [0x18, number @ 0..0x80] => Ok((key, Value::Int(i64::from(*number)))),
            _ => Ok((key, any_value(value)?)),
        };
    }
    any_key_value(message)
}

#[inline(never)]
fn any_key_value(message: &[u8]) -> Result<(&[u8], Value<'_>)> {
    let mut reader = Reader::new(message);
    let (mut key, mut value, mut strindex) = (None, None, 0);
    while let Some(tag) = reader.tag()? {
        match (tag.number, tag.wire) {
            (1, BYTES) if key.is_none() => key = Some(reader.bytes()?),
            (2, BYTES) if value.is_none() => value = Some(any_value(reader.bytes()?)?),
            (3, VARINT) => strindex = reader.varint()? as u32,
            (1..=3, _) => return Err(Odd("key or value twice, or of another type")),
            _ => reader.skip(tag)?,
        }
    }
    let key = key.unwrap_or_default();
    if strindex != 0 && key.is_empty() {
        return Err(Odd("key from a dictionary")); // the reference warns of it
    }
    Ok((key, value.unwrap_or(Value::Empty)))
}

/// The content of an AnyValue.
pub fn any_value(message: &[u8]) -> Result<Value<'_>> {
    let mut reader = Reader::new(message);
    let mut value = None;
    while let Some(tag) = reader.tag()? {
        let next = match (tag.number, tag.wire) {
            (1, BYTES) => Value::Str(reader.bytes()?),
            (2, VARINT) => Value::Bool(reader.varint()? != 0),
            (3, VARINT) => Value::Int(reader.varint()? as i64),
            (4, FIXED64) => Value::Double(f64::from_bits(reader.fixed64()?)),
            (5, BYTES) => Value::Array(reader.bytes()?),
            (6, BYTES) => Value::KvList(reader.bytes()?),
            (7, BYTES) => Value::Bytes(reader.bytes()?),
            (1..=8, _) => return Err(Odd("value of another type, or strindex")),
            _ => {
                reader.skip(tag)?;
                continue;
            }
        };
        if value.replace(next).is_some() {
            return Err(Odd("two values in one"));
        }
    }
    Ok(value.unwrap_or(Value::Empty))
}

/// Text of a value, in `scratch` if it is not in the message already, and its type code.
#[inline(always)]
pub fn to_text<'a>(value: Value<'a>, scratch: &'a mut Vec<u8>) -> Result<(Option<&'a [u8]>, u8)> {
    match value {
        Value::Str(text) => Ok((Some(text), b's')),
        _ => made_text(value, scratch),
    }
}

fn made_text<'a>(value: Value<'a>, scratch: &'a mut Vec<u8>) -> Result<(Option<&'a [u8]>, u8)> {
    scratch.clear();
    let code = match value {
        Value::Str(text) => return Ok((Some(text), b's')),
        Value::Empty => return Ok((None, b'n')),
        Value::Bool(true) => return Ok((Some(b"true"), b'b')),
        Value::Bool(false) => return Ok((Some(b"false"), b'b')),
        Value::Int(number) => {
            json::push_int(scratch, number);
            b'i'
        }
        Value::Double(number) => {
            json::push_double(scratch, number);
            b'd'
        }
        Value::Bytes(bytes) => {
            json::push_base64(scratch, bytes);
            b'y'
        }
        Value::Array(_) | Value::KvList(_) => json::push_nested(scratch, value)?,
    };
    Ok((Some(scratch), code))
}
