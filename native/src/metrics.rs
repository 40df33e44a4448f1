//! Data points: `decode/metrics.py` in Rust. One row per point of any of the five types.

use crate::attributes::{Scratch, check_attributes, entry, push_row};
use crate::decoded::Decoded;
use crate::envelope::{self, Items};
use crate::points::{Point, Points};
use crate::wire::{BYTES, FIXED64, Odd, Reader, Result, VARINT, check_utf8, set_text};

/// Bytes that descriptions may take in the rows of their points; the reference, which allows twice as
/// many, decides about more.
const MAX_REPEATED_BYTES: usize = 1 << 27;

/// The points in the bytes of an ExportMetricsServiceRequest.
pub fn decode(payload: &[u8], max_items: usize) -> Result<Decoded> {
    let mut metrics = Metrics {
        out: Decoded::default(),
        points: Points::default(),
        repeated_bytes: 0,
        scratch: Scratch::default(),
        own_points: Vec::new(),
        own_attributes: Vec::new(),
        metadata: Vec::new(),
    };
    let envelope = envelope::walk(payload, max_items, &mut metrics)?;
    let Metrics {
        mut out, points, ..
    } = metrics;
    if out.rows > 0 {
        out.columns = points.finish()?;
    }
    Ok(Decoded { envelope, ..out })
}

struct Metrics<'a> {
    out: Decoded,
    points: Points,
    repeated_bytes: usize,
    scratch: Scratch,
    own_points: Vec<&'a [u8]>,
    own_attributes: Vec<&'a [u8]>,
    metadata: Vec<&'a [u8]>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Gauge,
    Sum,
    Histogram,
    Exponential,
    Summary,
}

impl Kind {
    /// The type of metric that a field of Metric holds.
    fn of(number: u32) -> Option<Self> {
        Some(match number {
            5 => Self::Gauge,
            7 => Self::Sum,
            9 => Self::Histogram,
            10 => Self::Exponential,
            11 => Self::Summary,
            _ => return None,
        })
    }

    pub fn name(self) -> &'static [u8] {
        match self {
            Self::Gauge => b"gauge",
            Self::Sum => b"sum",
            Self::Histogram => b"histogram",
            Self::Exponential => b"exponential_histogram",
            Self::Summary => b"summary",
        }
    }

    fn has_temporality(self) -> bool {
        !matches!(self, Self::Gauge | Self::Summary)
    }
}

/// What is said once for all points of a metric.
#[derive(Default)]
struct Header<'a> {
    name: &'a [u8],
    description: &'a [u8],
    unit: &'a [u8],
    data: Option<(Kind, &'a [u8])>,
}

impl<'a> Items<'a> for Metrics<'a> {
    const KEEPS_EMPTY: bool = false;

    fn weight(item: &'a [u8]) -> Result<usize> {
        let mut reader = Reader::new(item);
        let mut points = 0;
        while let Some(tag) = reader.tag()? {
            if tag.wire != BYTES || Kind::of(tag.number).is_none() {
                reader.skip(tag)?;
                continue;
            }
            let mut data = Reader::new(reader.bytes()?);
            while let Some(tag) = data.tag()? {
                points += usize::from(tag.number == 1);
                data.skip(tag)?;
            }
        }
        Ok(points.max(1))
    }

    fn rows(&self) -> usize {
        self.out.rows
    }

    fn take(&mut self, _: &'a [u8], items: &[&'a [u8]]) -> Result<()> {
        items.iter().try_for_each(|item| self.metric(item))
    }
}

impl<'a> Metrics<'a> {
    fn metric(&mut self, message: &'a [u8]) -> Result<()> {
        self.metadata.clear();
        let mut header = Header::default();
        let mut reader = Reader::new(message);
        while let Some(tag) = reader.tag()? {
            match (tag.number, tag.wire) {
                (1, BYTES) => set_text(&mut header.name, reader.bytes()?)?,
                (2, BYTES) => set_text(&mut header.description, reader.bytes()?)?,
                (3, BYTES) => set_text(&mut header.unit, reader.bytes()?)?,
                (12, BYTES) => self.metadata.push(reader.bytes()?),
                (5 | 7 | 9..=11, BYTES) if header.data.is_none() => {
                    header.data = Kind::of(tag.number).zip(Some(reader.bytes()?));
                }
                (1..=3 | 5 | 7 | 9..=12, _) => return Err(Odd("data of two types, or of another")),
                _ => reader.skip(tag)?,
            }
        }
        let Some((kind, data)) = header.data else {
            self.out.without_data += 1;
            return self.check_header(&header);
        };
        let shape = self.data(kind, data)?;
        let added = self.own_points.len();
        if added == 0 {
            return self.check_header(&header);
        }
        self.repeated_bytes += (message.len() - data.len()).saturating_mul(added - 1);
        if self.repeated_bytes > MAX_REPEATED_BYTES {
            return Err(Odd("descriptions that stand in very many rows"));
        }
        let messages = std::mem::take(&mut self.own_points);
        for message in &messages {
            self.point(&header, kind, shape, message)?;
        }
        self.own_points = messages;
        Ok(())
    }

    /// Check what gets into no column.
    fn check_header(&self, header: &Header<'_>) -> Result<()> {
        if !self.metadata.is_empty() {
            return Err(Odd("metadata of a metric without points"));
        }
        [header.name, header.description, header.unit]
            .into_iter()
            .try_for_each(check_utf8)
    }

    /// Collect the points in the data of a metric; (temporality, whether it is monotonic).
    fn data(&mut self, kind: Kind, message: &'a [u8]) -> Result<(i32, bool)> {
        self.own_points.clear();
        let (mut temporality, mut is_monotonic) = (0, false);
        let mut reader = Reader::new(message);
        while let Some(tag) = reader.tag()? {
            match (tag.number, tag.wire) {
                (1, BYTES) => self.own_points.push(reader.bytes()?),
                (2, VARINT) if kind.has_temporality() => temporality = reader.varint()? as i32,
                (3, VARINT) if kind == Kind::Sum => is_monotonic = reader.varint()? != 0,
                (1..=3, _) => return Err(Odd("field of another type")),
                _ => reader.skip(tag)?,
            }
        }
        Ok((temporality, is_monotonic))
    }

    fn point(
        &mut self,
        header: &Header<'a>,
        kind: Kind,
        (temporality, is_monotonic): (i32, bool),
        message: &'a [u8],
    ) -> Result<()> {
        self.own_attributes.clear();
        let mut exemplars = Vec::new();
        let point = match kind {
            Kind::Gauge | Kind::Sum => self.number(message, &mut exemplars)?,
            Kind::Histogram => self.histogram(message, &mut exemplars)?,
            Kind::Exponential => self.exponential(message, &mut exemplars)?,
            Kind::Summary => self.summary(message)?,
        };
        let points = &mut self.points;
        let metadata_is_exact = push_row(&self.metadata, &mut points.metadata, &mut self.scratch)?;
        let first = points.attributes.keys.len();
        let is_exact = push_row(
            &self.own_attributes,
            &mut points.attributes,
            &mut self.scratch,
        )?;
        if !is_exact || !metadata_is_exact {
            return Err(Odd("a key that stands twice"));
        }
        let execution_id = entry(&points.attributes, first, b"workflow.execution.id")
            .map_or(&b""[..], |entry| points.attributes.values.get(entry));
        points.execution_id.push_filled(execution_id);
        points.name.push(header.name);
        points.description.push_filled(header.description);
        points.unit.push_filled(header.unit);
        points.kind.push(kind.name());
        points.push(Point {
            temporality: kind.has_temporality().then_some(temporality),
            is_monotonic: (kind == Kind::Sum).then_some(is_monotonic),
            ..point
        });
        if !exemplars.is_empty() {
            self.out.exemplars.push((self.out.rows, exemplars));
        }
        self.out.rows += 1;
        Ok(())
    }

    fn number(&mut self, message: &'a [u8], exemplars: &mut Vec<u8>) -> Result<Point> {
        let mut point = Point::default();
        let mut reader = Reader::new(message);
        while let Some(tag) = reader.tag()? {
            match (tag.number, tag.wire) {
                (2, FIXED64) => point.start = reader.fixed64()?,
                (3, FIXED64) => point.time = reader.fixed64()?,
                (4, FIXED64) if point.has_no_value() => {
                    point.double = Some(f64::from_bits(reader.fixed64()?));
                }
                (5, BYTES) => exemplar(exemplars, reader.bytes()?)?,
                (6, FIXED64) if point.has_no_value() => point.int = Some(reader.fixed64()? as i64),
                (7, BYTES) => self.own_attributes.push(reader.bytes()?),
                (8, VARINT) => point.flags = reader.varint()? as u32,
                (2..=8, _) => return Err(Odd("field of another type, or two values")),
                _ => reader.skip(tag)?,
            }
        }
        Ok(point)
    }

    fn histogram(&mut self, message: &'a [u8], exemplars: &mut Vec<u8>) -> Result<Point> {
        let mut point = Point {
            count: Some(0),
            ..Point::default()
        };
        let (mut counts, mut bounds) = (Vec::new(), Vec::new());
        let mut reader = Reader::new(message);
        while let Some(tag) = reader.tag()? {
            match (tag.number, tag.wire) {
                (2, FIXED64) => point.start = reader.fixed64()?,
                (3, FIXED64) => point.time = reader.fixed64()?,
                (4, FIXED64) => point.count = Some(reader.fixed64()?),
                (5, FIXED64) => point.sum = Some(f64::from_bits(reader.fixed64()?)),
                (6, BYTES) => packed(&mut counts, reader.bytes()?, |bits| bits)?,
                (6, FIXED64) => counts.push(reader.fixed64()?),
                (7, BYTES) => packed(&mut bounds, reader.bytes()?, f64::from_bits)?,
                (7, FIXED64) => bounds.push(f64::from_bits(reader.fixed64()?)),
                (8, BYTES) => exemplar(exemplars, reader.bytes()?)?,
                (9, BYTES) => self.own_attributes.push(reader.bytes()?),
                (10, VARINT) => point.flags = reader.varint()? as u32,
                (11, FIXED64) => point.min = Some(f64::from_bits(reader.fixed64()?)),
                (12, FIXED64) => point.max = Some(f64::from_bits(reader.fixed64()?)),
                (2..=12, _) => return Err(Odd("field of another type")),
                _ => reader.skip(tag)?,
            }
        }
        point.bucket_counts = Some(counts);
        point.explicit_bounds = Some(bounds);
        Ok(point)
    }

    fn exponential(&mut self, message: &'a [u8], exemplars: &mut Vec<u8>) -> Result<Point> {
        let mut point = Point {
            count: Some(0),
            scale: Some(0),
            zero_count: Some(0),
            zero_threshold: Some(0.0),
            ..Point::default()
        };
        let (mut positive, mut negative) = ((0, Vec::new()), (0, Vec::new()));
        let mut reader = Reader::new(message);
        while let Some(tag) = reader.tag()? {
            match (tag.number, tag.wire) {
                (1, BYTES) => self.own_attributes.push(reader.bytes()?),
                (2, FIXED64) => point.start = reader.fixed64()?,
                (3, FIXED64) => point.time = reader.fixed64()?,
                (4, FIXED64) => point.count = Some(reader.fixed64()?),
                (5, FIXED64) => point.sum = Some(f64::from_bits(reader.fixed64()?)),
                (6, VARINT) => point.scale = Some(zigzag(reader.varint()?)),
                (7, FIXED64) => point.zero_count = Some(reader.fixed64()?),
                (8, BYTES) => buckets(reader.bytes()?, &mut positive)?,
                (9, BYTES) => buckets(reader.bytes()?, &mut negative)?,
                (10, VARINT) => point.flags = reader.varint()? as u32,
                (11, BYTES) => exemplar(exemplars, reader.bytes()?)?,
                (12, FIXED64) => point.min = Some(f64::from_bits(reader.fixed64()?)),
                (13, FIXED64) => point.max = Some(f64::from_bits(reader.fixed64()?)),
                (14, FIXED64) => point.zero_threshold = Some(f64::from_bits(reader.fixed64()?)),
                (1..=14, _) => return Err(Odd("field of another type")),
                _ => reader.skip(tag)?,
            }
        }
        (point.positive_offset, point.positive_counts) = (Some(positive.0), Some(positive.1));
        (point.negative_offset, point.negative_counts) = (Some(negative.0), Some(negative.1));
        Ok(point)
    }

    fn summary(&mut self, message: &'a [u8]) -> Result<Point> {
        let mut point = Point {
            count: Some(0),
            sum: Some(0.0),
            ..Point::default()
        };
        let mut quantiles = Vec::new();
        let mut reader = Reader::new(message);
        while let Some(tag) = reader.tag()? {
            match (tag.number, tag.wire) {
                (2, FIXED64) => point.start = reader.fixed64()?,
                (3, FIXED64) => point.time = reader.fixed64()?,
                (4, FIXED64) => point.count = Some(reader.fixed64()?),
                (5, FIXED64) => point.sum = Some(f64::from_bits(reader.fixed64()?)),
                (6, BYTES) => quantiles.push(quantile(reader.bytes()?)?),
                (7, BYTES) => self.own_attributes.push(reader.bytes()?),
                (8, VARINT) => point.flags = reader.varint()? as u32,
                (2..=8, _) => return Err(Odd("field of another type")),
                _ => reader.skip(tag)?,
            }
        }
        point.quantiles = Some(quantiles);
        Ok(point)
    }
}

/// Append an exemplar as a field of a NumberDataPoint.
fn exemplar(out: &mut Vec<u8>, message: &[u8]) -> Result<()> {
    check_attributes(message, 7, &[])?;
    out.push(5 << 3 | BYTES);
    let mut length = message.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(message);
    Ok(())
}

fn packed<T>(out: &mut Vec<T>, bytes: &[u8], value: impl Fn(u64) -> T) -> Result<()> {
    let (chunks, rest) = bytes.as_chunks::<8>();
    if !rest.is_empty() {
        return Err(Odd("packed numbers cut short"));
    }
    out.extend(chunks.iter().map(|chunk| value(u64::from_le_bytes(*chunk))));
    Ok(())
}

fn buckets(message: &[u8], (offset, counts): &mut (i32, Vec<u64>)) -> Result<()> {
    let mut reader = Reader::new(message);
    while let Some(tag) = reader.tag()? {
        match (tag.number, tag.wire) {
            (1, VARINT) => *offset = zigzag(reader.varint()?),
            (2, VARINT) => counts.push(reader.varint()?),
            (2, BYTES) => {
                let mut numbers = Reader::new(reader.bytes()?);
                while !numbers.is_empty() {
                    counts.push(numbers.varint()?);
                }
            }
            (1 | 2, _) => return Err(Odd("field of another type")),
            _ => reader.skip(tag)?,
        }
    }
    Ok(())
}

fn quantile(message: &[u8]) -> Result<(f64, f64)> {
    let (mut quantile, mut value) = (0.0, 0.0);
    let mut reader = Reader::new(message);
    while let Some(tag) = reader.tag()? {
        match (tag.number, tag.wire) {
            (1, FIXED64) => quantile = f64::from_bits(reader.fixed64()?),
            (2, FIXED64) => value = f64::from_bits(reader.fixed64()?),
            (1 | 2, _) => return Err(Odd("field of another type")),
            _ => reader.skip(tag)?,
        }
    }
    Ok((quantile, value))
}

/// A sint32: the sign is the lowest bit.
fn zigzag(number: u64) -> i32 {
    let number = number as u32;
    (number >> 1) as i32 ^ -((number & 1) as i32)
}
