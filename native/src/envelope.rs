//! What the requests of all signals have in common: resources, which hold scopes, which hold items.

use std::ops::Range;

use crate::attributes::{check_attributes, set_once};
use crate::wire::{BYTES, NOT_UTF8, Odd, Reader, Result, check_utf8, set_text};

/// A resource or scope: where its message stands in the request, and how many rows it has.
pub struct Shared {
    pub bytes: Range<usize>,
    pub schema_url: String,
    pub rows: usize,
}

/// Resources and scopes of a request, in their order.
#[derive(Default)]
pub struct Envelope {
    pub resources: Vec<Shared>,
    pub scopes: Vec<Shared>,
}

/// What takes the items (spans, log records, metrics) of a request.
pub trait Items<'a> {
    /// Whether resources and scopes without items are of interest.
    const KEEPS_EMPTY: bool;

    /// What an item counts against the limit.
    fn weight(item: &'a [u8]) -> Result<usize>;

    /// Rows so far.
    fn rows(&self) -> usize;

    /// Take the items of a scope of this name.
    fn take(&mut self, scope: &'a [u8], items: &[&'a [u8]]) -> Result<()>;
}

/// Walk a request, giving its items to `sink`; more than `max_items` (0: any number) are too many.
pub fn walk<'a, I: Items<'a>>(
    payload: &'a [u8],
    max_items: usize,
    sink: &mut I,
) -> Result<Envelope> {
    let mut walk = Walk {
        payload,
        max_items,
        seen: 0,
        items: Vec::new(),
        envelope: Envelope::default(),
    };
    let mut reader = Reader::new(payload);
    while let Some(tag) = reader.tag()? {
        match (tag.number, tag.wire) {
            (1, BYTES) => walk.resource(reader.bytes()?, sink)?,
            (1, _) => return Err(Odd("field of another type")),
            _ => reader.skip(tag)?,
        }
    }
    Ok(walk.envelope)
}

struct Walk<'a> {
    payload: &'a [u8],
    max_items: usize,
    seen: usize,
    items: Vec<&'a [u8]>,
    envelope: Envelope,
}

impl<'a> Walk<'a> {
    fn resource<I: Items<'a>>(&mut self, message: &'a [u8], sink: &mut I) -> Result<()> {
        let (mut resource, mut schema_url) = (None, &b""[..]);
        let (rows, seen) = (sink.rows(), self.seen);
        let mut reader = Reader::new(message);
        while let Some(tag) = reader.tag()? {
            match (tag.number, tag.wire) {
                (1, BYTES) => set_once(&mut resource, reader.bytes()?)?,
                (2, BYTES) => self.scope(reader.bytes()?, sink)?,
                (3, BYTES) => set_text(&mut schema_url, reader.bytes()?)?,
                (1..=3, _) => return Err(Odd("field of another type")),
                _ => reader.skip(tag)?,
            }
        }
        if let Some(resource) = resource {
            check_attributes(resource, 1, &[])?;
        }
        let shared = shared(self.payload, resource, schema_url, sink.rows() - rows)?;
        if I::KEEPS_EMPTY || self.seen > seen {
            self.envelope.resources.push(shared);
        } else if resource.is_some() {
            return Err(Odd("resource of nothing"));
        }
        Ok(())
    }

    fn scope<I: Items<'a>>(&mut self, message: &'a [u8], sink: &mut I) -> Result<()> {
        let (mut scope, mut schema_url) = (None, &b""[..]);
        let seen = self.seen;
        let mut items = std::mem::take(&mut self.items);
        items.clear();
        let mut reader = Reader::new(message);
        while let Some(tag) = reader.tag()? {
            match (tag.number, tag.wire) {
                (1, BYTES) => set_once(&mut scope, reader.bytes()?)?,
                (2, BYTES) => {
                    let item = reader.bytes()?;
                    self.seen += I::weight(item)?;
                    items.push(item);
                }
                (3, BYTES) => set_text(&mut schema_url, reader.bytes()?)?,
                (1..=3, _) => return Err(Odd("field of another type")),
                _ => reader.skip(tag)?,
            }
        }
        if self.max_items > 0 && self.seen > self.max_items {
            return Err(Odd("too many items"));
        }
        let name = match scope {
            Some(scope) => scope_name(scope)?,
            None => b"",
        };
        let rows = sink.rows();
        sink.take(name, &items)?;
        self.items = items;
        let shared = shared(self.payload, scope, schema_url, sink.rows() - rows)?;
        if I::KEEPS_EMPTY || self.seen > seen {
            self.envelope.scopes.push(shared);
        } else if scope.is_some() {
            return Err(Odd("scope of nothing"));
        }
        Ok(())
    }
}

/// Where a message of the request stands in it.
pub fn range(payload: &[u8], message: &[u8]) -> Range<usize> {
    let start = message
        .as_ptr()
        .addr()
        .wrapping_sub(payload.as_ptr().addr());
    start..start.wrapping_add(message.len())
}

fn shared(
    payload: &[u8],
    message: Option<&[u8]>,
    schema_url: &[u8],
    rows: usize,
) -> Result<Shared> {
    let schema_url = std::str::from_utf8(schema_url).map_err(|_| NOT_UTF8)?;
    Ok(Shared {
        bytes: message.map_or(0..0, |message| range(payload, message)),
        schema_url: schema_url.to_owned(),
        rows,
    })
}

/// Name of an InstrumentationScope, checked.
fn scope_name(message: &[u8]) -> Result<&[u8]> {
    check_attributes(message, 3, &[])?;
    let mut name = &b""[..];
    let mut reader = Reader::new(message);
    while let Some(tag) = reader.tag()? {
        match (tag.number, tag.wire) {
            (1, BYTES) => set_text(&mut name, reader.bytes()?)?,
            (1, _) => return Err(Odd("field of another type")),
            _ => reader.skip(tag)?,
        }
    }
    check_utf8(name)?;
    Ok(name)
}
