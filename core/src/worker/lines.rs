//! Output cut into lines: of any length up to a named limit, blank, without a newline at the end, invalid UTF-8. No byte is lost.

use alloc::sync::Arc;
use alloc::vec::Vec;

/// A longer line is handed on in pieces.
pub const LINE_MAX: usize = 1 << 20;

/// The part of a line that has come so far.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Lines {
    partial: Vec<u8>,
}

impl Lines {
    /// Nothing has come yet.
    pub const EMPTY: Lines = Lines { partial: Vec::new() };

    /// Takes a chunk and hands out each line that it completes: its bytes, and whether a newline ended it.
    pub fn feed(&mut self, mut chunk: &[u8], mut line: impl FnMut(Arc<[u8]>, bool)) {
        while let Some(end) = chunk.iter().position(|byte| *byte == b'\n') {
            if self.partial.is_empty() {
                line(chunk[..end].into(), true);
            } else {
                self.partial.extend_from_slice(&chunk[..end]);
                line(self.take(), true);
            }
            chunk = &chunk[end + 1..];
        }
        self.partial.extend_from_slice(chunk);
        if self.partial.len() >= LINE_MAX {
            line(self.take(), false);
        }
    }

    /// What is left when nothing more will come.
    pub fn finish(&mut self, line: impl FnOnce(Arc<[u8]>, bool)) {
        if !self.partial.is_empty() {
            line(self.take(), false);
        }
    }

    fn take(&mut self) -> Arc<[u8]> {
        let line = self.partial.as_slice().into();
        self.partial.clear();
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&[u8]]) -> Vec<(Vec<u8>, bool)> {
        let (mut state, mut out) = (Lines::default(), Vec::new());
        for chunk in chunks {
            state.feed(chunk, |line, complete| out.push((line.to_vec(), complete)));
        }
        state.finish(|line, complete| out.push((line.to_vec(), complete)));
        out
    }

    #[test]
    fn every_byte_comes_out_again_however_it_was_cut() {
        let text = b"one\n\ntwo\xff\nlast without newline";
        for cut in 0..text.len() {
            let whole: Vec<u8> = lines(&[&text[..cut], &text[cut..]])
                .iter()
                .flat_map(|(line, complete)| line.iter().copied().chain(complete.then_some(b'\n')))
                .collect();
            assert_eq!(whole, text);
        }
        assert_eq!(lines(&[b"a\n", b"\n"]), [(b"a".to_vec(), true), (b"".to_vec(), true)]);
    }

    #[test]
    fn a_line_without_end_is_handed_on_in_pieces() {
        let page = [b'x'; 4096];
        let mut state = Lines::default();
        let mut pieces = Vec::new();
        (0..300).for_each(|_| state.feed(&page, |line, complete| pieces.push((line.len(), complete))));
        assert_eq!(pieces, [(LINE_MAX, false)]);
    }
}
