//! Numbers in order in a file: little memory for many of which few are asked for at a time.
//!
//! The file has no name and is gone when the process ends. The system may fail to write it long after it said that it
//! did, and read something else: what is read has to be what was written as far as memory knows.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

/// Of a number.
pub const NUMBER_BITS: u32 = 40;
const NUMBER_BYTES: usize = NUMBER_BITS as usize / 8;
/// Numbers that are read to find one; the first of so many is in memory.
const BLOCK: usize = 256;

/// A set of numbers of `NUMBER_BITS` bits.
pub struct Sorted {
    file: File,
    firsts: Vec<u64>,
    count: usize,
}

impl Sorted {
    /// A file of numbers; an error unless they come in order, each once.
    pub fn write(
        folder: &Path,
        numbers: impl Iterator<Item = io::Result<u64>>,
    ) -> io::Result<Self> {
        let file = nameless(folder)?;
        let (mut firsts, mut count) = (Vec::new(), 0);
        let mut writer = BufWriter::with_capacity(1 << 16, &file);
        let mut last = None;
        for number in numbers {
            let number = number?;
            if last.replace(number).is_some_and(|last| last >= number) {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if count % BLOCK == 0 {
                firsts.push(number);
            }
            writer.write_all(number.to_le_bytes().get(..NUMBER_BYTES).unwrap_or_default())?;
            count += 1;
        }
        writer.flush()?;
        drop(writer);
        firsts.shrink_to_fit();
        Ok(Self {
            file,
            firsts,
            count,
        })
    }

    pub fn len(&self) -> usize {
        self.count
    }

    pub fn holds(&self, number: u64) -> io::Result<bool> {
        let after = self.firsts.partition_point(|first| *first <= number);
        let Some(block) = after.checked_sub(1) else {
            return Ok(false);
        };
        let mut bytes = [0; BLOCK * NUMBER_BYTES];
        let begin = block * BLOCK;
        let length = BLOCK.min(self.count - begin) * NUMBER_BYTES;
        let bytes = bytes.get_mut(..length).unwrap_or_default();
        read_at(&self.file, bytes, (begin * NUMBER_BYTES) as u64)?;
        let (numbers, _) = bytes.as_chunks::<NUMBER_BYTES>();
        // A page that was not written is zeros, from the begin of the block or to its end.
        let first = numbers.first().map(|bytes| of(*bytes));
        let last = numbers.last().map(|bytes| of(*bytes));
        if first.as_ref() != self.firsts.get(block) || last < first {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(numbers
            .binary_search_by_key(&number, |bytes| of(*bytes))
            .is_ok())
    }

    #[cfg(test)]
    pub fn truncate(&self) {
        self.file.set_len(0).unwrap();
    }

    /// All, in order. Not for two at a time: they share the place in the file.
    pub fn numbers(&self) -> io::Result<impl Iterator<Item = io::Result<u64>>> {
        let mut file = &self.file;
        file.rewind()?;
        let mut reader = BufReader::with_capacity(1 << 16, file);
        Ok((0..self.count).map(move |_| {
            let mut bytes = [0; NUMBER_BYTES];
            reader.read_exact(&mut bytes).map(|()| of(bytes))
        }))
    }
}

fn of(bytes: [u8; NUMBER_BYTES]) -> u64 {
    let mut whole = [0; 8];
    whole
        .iter_mut()
        .zip(bytes)
        .for_each(|(to, byte)| *to = byte);
    u64::from_le_bytes(whole)
}

/// A new file that nobody else can open.
#[cfg(unix)]
fn nameless(folder: &Path) -> io::Result<File> {
    use std::fs::{OpenOptions, remove_file};
    use std::os::unix::fs::OpenOptionsExt;
    use std::sync::atomic::{AtomicU64, Ordering};

    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!(".executions-{}-{number}", std::process::id()));
        let mut options = OpenOptions::new();
        match options
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
        {
            // left by a process that was killed before the line after next
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            file => {
                let file = file?;
                remove_file(path)?;
                return Ok(file);
            }
        }
    }
}

#[cfg(not(unix))]
fn nameless(_: &Path) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

#[cfg(not(unix))]
fn read_at(_: &File, _: &mut [u8], _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_what_was_written() {
        let folder = std::env::temp_dir();
        for count in [0, 1, 255, 256, 257, 5000] {
            let numbers = (0..count).map(|number| Ok(number * 3 + 1));
            let sorted = Sorted::write(&folder, numbers).unwrap();
            assert_eq!(sorted.len() as u64, count);
            let all: Vec<_> = sorted.numbers().unwrap().map(Result::unwrap).collect();
            assert_eq!(
                all,
                (0..count).map(|number| number * 3 + 1).collect::<Vec<_>>()
            );
            for number in 0..=count * 3 + 2 {
                let is_there = number % 3 == 1 && number < count * 3;
                assert_eq!(sorted.holds(number).unwrap(), is_there);
            }
        }
    }

    #[test]
    fn what_the_system_did_not_write_is_an_error() {
        let numbers = || (1..5000).map(Ok);
        let sorted = Sorted::write(&std::env::temp_dir(), numbers()).unwrap();
        assert!(sorted.holds(4999).unwrap());
        for page in [0, 1, 3] {
            let sorted = Sorted::write(&std::env::temp_dir(), numbers()).unwrap();
            let mut file = &sorted.file;
            file.seek(io::SeekFrom::Start(page * 4096)).unwrap();
            file.write_all(&[0; 4096]).unwrap();
            let all = sorted.numbers().unwrap();
            assert!(Sorted::write(&std::env::temp_dir(), all).is_err());
            let is_lost = |number: &u64| (number - 1) * 5 / 4096 == page;
            for number in (1..5000).filter(is_lost) {
                assert!(sorted.holds(number).is_err(), "{number}");
            }
        }
        sorted.file.set_len(20_000).unwrap();
        assert!(sorted.holds(4999).is_err());
        assert!(sorted.numbers().unwrap().any(|number| number.is_err()));
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let nowhere = std::env::temp_dir().join("there/is/none");
        assert!(Sorted::write(&nowhere, std::iter::empty()).is_err());
    }
}
