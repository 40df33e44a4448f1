//! Texts of values, letter for letter those that Python's `json.dumps`, `repr` and `b64encode` give.

use std::collections::HashSet;
use std::io::Write;

use crate::value::{Value, any_value, key_value};
use crate::wire::{BYTES, Odd, Reader, Result, check_utf8};

/// Nesting that is decoded here; deeper values go to the reference decoder, which allows 100 messages.
pub const MAX_DEPTH: usize = 32;

/// Decimal digits of a whole number.
pub fn push_int(out: &mut Vec<u8>, number: i64) {
    if (0..10).contains(&number) {
        out.push(b'0' + number as u8);
        return;
    }
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut left = number.unsigned_abs();
    while left > 0 {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
    }
    if number < 0 {
        at -= 1;
        digits[at] = b'-';
    }
    out.extend_from_slice(&digits[at..]);
}

/// A floating point number as Python's `repr` has it: shortest digits, exponent below 1e-4 and from 1e16.
pub fn push_double(out: &mut Vec<u8>, number: f64) {
    if !number.is_finite() {
        let text = match number {
            _ if number.is_nan() => "nan",
            _ if number > 0.0 => "inf",
            _ => "-inf",
        };
        out.extend_from_slice(text.as_bytes());
        return;
    }
    // like Python's, its digits are the shortest, and of two equally near ones the even ones; those of
    // the standard library are not
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format_finite(number);
    let (sign, text) = text.split_at(usize::from(number.is_sign_negative()));
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    let significant = digits.trim_start_matches('0');
    let leading = (digits.len() - significant.len()) as i32;
    let significant = significant.trim_end_matches('0');
    // of the first digit that counts
    let exponent = exponent.parse::<i32>().unwrap_or(0) + whole.len() as i32 - 1 - leading;
    let (digits, exponent) = match significant {
        "" => (&b"0"[..], 0),
        _ => (significant.as_bytes(), exponent),
    };
    out.extend_from_slice(sign.as_bytes());
    if !(-4..16).contains(&exponent) {
        out.push(digits[0]);
        if digits.len() > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..]);
        }
        let _ = write!(
            out,
            "e{}{:02}",
            if exponent < 0 { '-' } else { '+' },
            exponent.abs()
        );
        return;
    }
    if exponent < 0 {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + exponent.unsigned_abs() as usize - 1, b'0');
        out.extend_from_slice(digits);
        return;
    }
    let whole = exponent as usize + 1;
    if digits.len() > whole {
        out.extend_from_slice(&digits[..whole]);
        out.push(b'.');
        out.extend_from_slice(&digits[whole..]);
    } else {
        out.extend_from_slice(digits);
        out.resize(out.len() + whole - digits.len(), b'0');
        out.extend_from_slice(b".0");
    }
}

/// Base64 with padding.
pub fn push_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            out.push(if place <= chunk.len() {
                LETTERS[(bits >> (18 - 6 * place)) as usize & 63]
            } else {
                b'='
            });
        }
    }
}

/// JSON of an array or key-value list and its code: plain, or OTLP/JSON where plain would lose a type.
pub fn push_nested(out: &mut Vec<u8>, value: Value<'_>) -> Result<u8> {
    let code = if matches!(value, Value::Array(_)) {
        b'a'
    } else {
        b'k'
    };
    let start = out.len();
    if plain(out, value, 0)? {
        return Ok(code);
    }
    out.truncate(start);
    otlp(out, value, 0)?;
    Ok(code.to_ascii_uppercase())
}

fn push_string(out: &mut Vec<u8>, text: &[u8]) -> Result<()> {
    check_utf8(text)?;
    out.push(b'"');
    for &byte in text {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            0..0x20 => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
    Ok(())
}

/// The messages in field 1 (`values`) of an ArrayValue or KeyValueList.
fn values(message: &[u8]) -> Values<'_> {
    Values(Reader::new(message))
}

struct Values<'a>(Reader<'a>);

impl<'a> Values<'a> {
    fn next(&mut self) -> Result<Option<&'a [u8]>> {
        while let Some(tag) = self.0.tag()? {
            match (tag.number, tag.wire) {
                (1, BYTES) => return self.0.bytes().map(Some),
                (1, _) => return Err(Odd("values of another type")),
                _ => self.0.skip(tag)?,
            }
        }
        Ok(None)
    }
}

/// Append plain JSON; false when it cannot say the value exactly, and what was appended is of no use.
fn plain(out: &mut Vec<u8>, value: Value<'_>, depth: usize) -> Result<bool> {
    if depth > MAX_DEPTH {
        return Err(Odd("nested deeply"));
    }
    match value {
        Value::Empty => out.extend_from_slice(b"null"),
        Value::Str(text) => push_string(out, text)?,
        Value::Bool(truth) => out.extend_from_slice(if truth { b"true" } else { b"false" }),
        Value::Int(number) => push_int(out, number),
        Value::Double(number) if number.is_finite() => push_double(out, number),
        Value::Double(_) | Value::Bytes(_) => return Ok(false),
        Value::Array(message) => {
            let mut elements = values(message);
            out.push(b'[');
            let mut is_first = true;
            while let Some(element) = elements.next()? {
                if !std::mem::take(&mut is_first) {
                    out.push(b',');
                }
                if !plain(out, any_value(element)?, depth + 1)? {
                    return Ok(false);
                }
            }
            out.push(b']');
        }
        Value::KvList(message) => {
            let mut pairs = values(message);
            let mut keys = HashSet::new();
            out.push(b'{');
            let mut is_first = true;
            while let Some(pair) = pairs.next()? {
                if !std::mem::take(&mut is_first) {
                    out.push(b',');
                }
                let (key, element) = key_value(pair)?;
                if !keys.insert(key) {
                    return Ok(false);
                }
                push_string(out, key)?;
                out.push(b':');
                if !plain(out, element, depth + 1)? {
                    return Ok(false);
                }
            }
            out.push(b'}');
        }
    }
    Ok(true)
}

fn otlp(out: &mut Vec<u8>, value: Value<'_>, depth: usize) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(Odd("nested deeply"));
    }
    let mut quoted = |name: &str, push: &mut dyn FnMut(&mut Vec<u8>)| {
        let _ = write!(out, "{{\"{name}\":\"");
        push(out);
        out.extend_from_slice(b"\"}");
    };
    match value {
        Value::Empty => out.extend_from_slice(b"{}"),
        Value::Int(number) => quoted("intValue", &mut |out| push_int(out, number)),
        Value::Double(number) => quoted("doubleValue", &mut |out| push_double(out, number)),
        Value::Bytes(bytes) => quoted("bytesValue", &mut |out| push_base64(out, bytes)),
        Value::Bool(truth) => {
            let _ = write!(out, "{{\"boolValue\":{truth}}}");
        }
        Value::Str(text) => {
            out.extend_from_slice(b"{\"stringValue\":");
            push_string(out, text)?;
            out.push(b'}');
        }
        Value::Array(message) => {
            let mut elements = values(message);
            out.extend_from_slice(b"{\"arrayValue\":{\"values\":[");
            let mut is_first = true;
            while let Some(element) = elements.next()? {
                if !std::mem::take(&mut is_first) {
                    out.push(b',');
                }
                otlp(out, any_value(element)?, depth + 1)?;
            }
            out.extend_from_slice(b"]}}");
        }
        Value::KvList(message) => {
            let mut pairs = values(message);
            out.extend_from_slice(b"{\"kvlistValue\":{\"values\":[");
            let mut is_first = true;
            while let Some(pair) = pairs.next()? {
                if !std::mem::take(&mut is_first) {
                    out.push(b',');
                }
                let (key, element) = key_value(pair)?;
                out.extend_from_slice(b"{\"key\":");
                push_string(out, key)?;
                out.extend_from_slice(b",\"value\":");
                otlp(out, element, depth + 1)?;
                out.push(b'}');
            }
            out.extend_from_slice(b"]}}");
        }
    }
    Ok(())
}

/// Walk a value that is not decoded here, so that nothing deeper than `MAX_DEPTH` is handed on.
pub fn check_depth(value: Value<'_>, depth: usize) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(Odd("nested deeply"));
    }
    match value {
        Value::Array(message) => {
            let mut elements = values(message);
            while let Some(element) = elements.next()? {
                check_depth(any_value(element)?, depth + 1)?;
            }
        }
        Value::KvList(message) => {
            let mut pairs = values(message);
            while let Some(pair) = pairs.next()? {
                check_depth(key_value(pair)?.1, depth + 1)?;
            }
        }
        _ => {}
    }
    Ok(())
}
