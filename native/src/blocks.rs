//! The checksums of the blocks of a database file, as fast as memory is read.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// What the words of a block are multiplied with, and what the sum begins with.
const FACTOR: u64 = 0xbf58_476d_1ce4_e5b9;
const FIRST: u64 = 5381;

/// Which blocks of `content` do not have the checksum that they begin with, counted from 0.
///
/// `stepscope_collector.store.blocks` is the reference.
#[pyfunction]
pub fn failed_blocks(py: Python<'_>, content: &[u8], block_bytes: usize) -> PyResult<Vec<usize>> {
    if block_bytes < 16 || !block_bytes.is_multiple_of(8) {
        return Err(PyValueError::new_err("a block is a number of words"));
    }
    Ok(py.detach(|| {
        content
            .chunks_exact(block_bytes)
            .enumerate()
            .filter(|(_, block)| !is_sound(block))
            .map(|(number, _)| number)
            .collect()
    }))
}

fn is_sound(block: &[u8]) -> bool {
    let (words, _) = block.as_chunks::<8>();
    let Some((stored, words)) = words.split_first() else {
        return false;
    };
    let sum = words.iter().fold(FIRST, |sum, word| {
        sum ^ u64::from_le_bytes(*word).wrapping_mul(FACTOR)
    });
    sum == u64::from_le_bytes(*stored)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_word_is_seen() {
        let mut block = [0u8; 32];
        block[8] = 1;
        block[..8].copy_from_slice(&(FIRST ^ FACTOR).to_le_bytes());
        assert!(is_sound(&block));
        block[31] = 1;
        assert!(!is_sound(&block));
    }
}
