//! A set of numbers in little more bits than it takes to tell them.
//!
//! The highest bits of a number choose its part, further ones its bin there. In a part, `fills` tells how many numbers
//! each bin holds, as so many ones and a zero, and `rests` holds the other bits of each, bin after bin. There are one to
//! two bins for each number, so a number takes its bits but for the logarithm of how many there are, and two. What is
//! put in moves all that comes after it in its part. All parts have room for as many numbers: these have to be spread
//! evenly.

/// Of a number.
pub const VALUE_BITS: u32 = 37;
/// So many choose its part.
const PART_BITS: u32 = 6;
const PARTS: usize = 1 << PART_BITS;

/// A set of numbers of `VALUE_BITS` bits.
pub struct Packed {
    words: Vec<u64>,
    layout: Layout,
    counts: [u32; PARTS],
}

/// How the words of a part are used.
#[derive(Clone, Copy)]
struct Layout {
    /// How many bits of a number choose its bin.
    bin_bits: u32,
    /// Numbers that there is room for.
    room: usize,
}

impl Layout {
    /// At least one.
    fn rest_bits(self) -> usize {
        (VALUE_BITS - PART_BITS - self.bin_bits) as usize
    }

    fn bins(self) -> usize {
        1 << self.bin_bits
    }

    /// Words of `fills`, with which a part begins.
    fn fills(self) -> usize {
        (self.bins() + self.room).div_ceil(64)
    }

    /// Words of a part.
    fn part(self) -> usize {
        self.fills() + (self.room * self.rest_bits()).div_ceil(64)
    }

    /// Part, bin and rest of a number.
    fn split(self, value: u64) -> (usize, usize, u64) {
        let width = self.rest_bits();
        let part = (value >> (VALUE_BITS - PART_BITS)) as usize & (PARTS - 1);
        let bin = (value >> width) as usize & (self.bins() - 1);
        (part, bin, value & mask(width))
    }
}

impl Default for Packed {
    fn default() -> Self {
        let layout = Layout {
            bin_bits: 0,
            room: 0,
        };
        Self {
            words: Vec::new(),
            layout,
            counts: [0; PARTS],
        }
    }
}

impl Packed {
    pub fn len(&self) -> usize {
        self.counts.iter().map(|count| *count as usize).sum()
    }

    /// Puts a number of `VALUE_BITS` bits in; whether it is new.
    pub fn put(&mut self, value: u64) -> bool {
        let (part, ..) = self.layout.split(value);
        if self.counts[part] as usize == self.layout.room {
            self.grow();
        }
        let (_, bin, rest) = self.layout.split(value);
        let (count, width) = (self.counts[part] as usize, self.layout.rest_bits());
        let (fills, rests) = part_of(&mut self.words, self.layout, part);
        let begin = after_zeros(fills, bin);
        let before = begin - bin; // as many ones
        let filled = ones_from(fills, begin);
        if (before..before + filled).any(|place| read(rests, place * width, width) == rest) {
            return false;
        }
        insert(rests, count * width, before * width, width, rest);
        insert(fills, self.layout.bins() + count, begin, 1, 1);
        self.counts[part] += 1;
        true
    }

    /// All, in order.
    pub fn numbers(&mut self) -> Vec<u64> {
        let mut all = Vec::with_capacity(self.len());
        for (part, count) in self.counts.iter().enumerate() {
            let (fills, rests) = part_of(&mut self.words, self.layout, part);
            let begin = (part as u64) << (VALUE_BITS - PART_BITS);
            let values = values(fills, rests, self.layout, *count as usize);
            all.extend(values.into_iter().map(|value| begin | value));
        }
        all.sort_unstable(); // those of a bin are in the order in which they came
        all
    }

    /// Makes room for more numbers in each part, and for one bit more in the choice of a bin where they are many.
    fn grow(&mut self) {
        let old = self.layout;
        let room = old.room + old.room / 32 + 2;
        let is_full = self.len() > old.bins() * PARTS && old.rest_bits() > 1;
        let bin_bits = old.bin_bits + u32::from(is_full);
        let new = Layout { bin_bits, room };
        let mut words = vec![0; new.part() * PARTS];
        for (part, count) in self.counts.iter().enumerate() {
            let (fills, rests) = part_of(&mut self.words, old, part);
            let (new_fills, new_rests) = part_of(&mut words, new, part);
            if is_full {
                let mut values = values(fills, rests, old, *count as usize);
                values.sort_unstable(); // those of a bin may come into two
                for (place, value) in values.into_iter().enumerate() {
                    let (_, bin, rest) = new.split(value);
                    write(new_fills, bin + place, 1);
                    write(new_rests, place * new.rest_bits(), rest);
                }
            } else {
                new_fills[..fills.len()].copy_from_slice(fills);
                new_rests[..rests.len()].copy_from_slice(rests);
            }
        }
        (self.words, self.layout) = (words, new);
    }
}

/// `fills` and `rests` of a part.
fn part_of(words: &mut [u64], layout: Layout, part: usize) -> (&mut [u64], &mut [u64]) {
    let size = layout.part();
    let all = words.get_mut(part * size..(part + 1) * size);
    all.unwrap_or_default()
        .split_at_mut_checked(layout.fills())
        .unwrap_or_default()
}

/// The numbers of a part, without the bits that choose it.
fn values(fills: &[u64], rests: &[u64], layout: Layout, count: usize) -> Vec<u64> {
    let width = layout.rest_bits();
    let mut values = Vec::with_capacity(count);
    let mut bin = 0;
    for at in 0..layout.bins() + count {
        if read(fills, at, 1) == 0 {
            bin += 1;
        } else {
            values.push(bin << width | read(rests, values.len() * width, width));
        }
    }
    values
}

fn mask(width: usize) -> u64 {
    (1 << width) - 1
}

/// The bits from `at` on, at most 63; beyond the end are zeros.
fn read(words: &[u64], at: usize, width: usize) -> u64 {
    let word = |number| words.get(number).copied().unwrap_or(0);
    let (number, shift) = (at / 64, at % 64);
    let next = word(number + 1) << 1 << (63 - shift);
    (word(number) >> shift | next) & mask(width)
}

/// Puts the ones of `value` where zeros are, from `at` on.
fn write(words: &mut [u64], at: usize, value: u64) {
    let (number, shift) = (at / 64, at % 64);
    for (number, bits) in [
        (number, value << shift),
        (number + 1, value >> 1 >> (63 - shift)),
    ] {
        if let Some(word) = words.get_mut(number) {
            *word |= bits;
        }
    }
}

/// Where the first bit after so many zeros stands; 0 after none.
fn after_zeros(words: &[u64], mut zeros: usize) -> usize {
    if zeros == 0 {
        return 0;
    }
    for (number, word) in words.iter().enumerate() {
        let here = word.count_zeros() as usize;
        if zeros > here {
            zeros -= here;
            continue;
        }
        let (mut left, mut at) = (!word, number * 64);
        loop {
            let here = (left & 0xFF).count_ones() as usize;
            if zeros <= here {
                break;
            }
            (zeros, left, at) = (zeros - here, left >> 8, at + 8);
        }
        for _ in 1..zeros {
            left &= left - 1;
        }
        return at + left.trailing_zeros() as usize + 1;
    }
    words.len() * 64 + zeros // beyond the end are zeros
}

/// How many ones follow one another from `at` on.
fn ones_from(words: &[u64], at: usize) -> usize {
    let mut ones = 0;
    loop {
        let more = read(words, at + ones, 32).trailing_ones() as usize;
        ones += more;
        if more < 32 {
            return ones;
        }
    }
}

/// Puts `width` bits in, 1 to 63, at `at`; what stands from there on, up to `used`, moves behind them.
fn insert(words: &mut [u64], used: usize, at: usize, width: usize, value: u64) {
    let (number, shift) = (at / 64, at % 64);
    let end = (used + width).div_ceil(64);
    let mut touched = words.get_mut(number..end).unwrap_or_default().iter_mut();
    let Some(word) = touched.next() else { return };
    let (kept, moved) = (*word & mask(shift), *word & !mask(shift));
    *word = kept | value << shift | moved << width;
    let mut carried = value >> 1 >> (63 - shift) | moved >> (64 - width);
    for word in touched {
        let next = *word >> (64 - width);
        *word = *word << width | carried;
        carried = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// Numbers that look random, the same each time.
    fn numbers(seed: u64) -> impl Iterator<Item = u64> {
        let mut state = seed;
        std::iter::repeat_with(move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            state >> (64 - VALUE_BITS)
        })
    }

    fn compare(values: impl Iterator<Item = u64>) {
        let (mut packed, mut told) = (Packed::default(), HashSet::new());
        for value in values {
            assert_eq!(packed.put(value), told.insert(value));
            assert!(!packed.put(value));
        }
        assert_eq!(packed.len(), told.len());
        assert!(told.iter().all(|value| !packed.put(*value)));
        let mut all: Vec<_> = told.into_iter().collect();
        all.sort_unstable();
        assert_eq!(packed.numbers(), all);
    }

    #[test]
    fn it_holds_what_was_put_in() {
        compare(numbers(1).take(50_000));
    }

    #[test]
    fn numbers_that_are_not_spread_cost_room_alone() {
        compare(numbers(2).take(5_000).map(|number| number & 0xFFFF));
        compare((0..5_000).map(|number| (1 << VALUE_BITS) - 1 - number));
    }

    #[test]
    fn a_number_takes_little_more_than_its_bits() {
        let mut packed = Packed::default();
        for value in numbers(3).take(84_000) {
            packed.put(value);
        }
        let bits = packed.words.len() * 64 / packed.len();
        assert!(bits <= 25, "{bits}"); // 37, less 16 that their count tells, and 4
    }
}
