//! Choices out of bytes: what a fuzzer mutates. Bytes that are used up go on calmly, never with fresh randomness.

use shakedown_core::choose::{Ask, Choose};
use shakedown_core::site::Site;
use std::sync::Arc;

/// A chooser whose answers stand in a string of bytes, each in one or two.
#[derive(Clone, Debug, Default)]
pub struct Bytes {
    bytes: Arc<[u8]>,
    /// How many of them are used up.
    at: usize,
}

impl Bytes {
    /// Answers from these bytes.
    pub fn new(bytes: &[u8]) -> Bytes {
        Bytes { bytes: bytes.into(), at: 0 }
    }

    fn byte(&mut self) -> u8 {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        byte
    }

    /// A number up to `max`, in as many bytes as it needs.
    fn up_to(&mut self, max: u32) -> u32 {
        let low = u32::from(self.byte());
        let bits = if max > 0xff { low | u32::from(self.byte()) << 8 } else { low };
        bits % max.saturating_add(1).max(1)
    }
}

impl Choose for Bytes {
    /// One byte: three in four are calm, so that a fuzzer sets out from natural runs.
    fn rank(&mut self, _: Site) -> u16 {
        u16::from(self.byte().saturating_sub(0xc0))
    }

    fn draw(&mut self, _: Site, ask: Ask) -> u32 {
        self.up_to(ask.max())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shakedown_core::site::{Kind, Label};

    #[test]
    fn answers_stay_within_what_was_asked_and_end_calmly() {
        let site = Site { kind: Kind::Pick, label: Label::ROOT, nth: 0 };
        let mut bytes = Bytes::new(&[0xff, 0xff, 0xff, 0x07, 0x01]);
        assert_eq!(bytes.rank(site), 0x3f);
        assert_eq!(bytes.draw(site, Ask::Pick { of: 3 }), 0xff % 3);
        assert_eq!(bytes.draw(site, Ask::Span { steps: 1024 }), 0x07ff % 1025);
        assert_eq!(bytes.draw(site, Ask::Chance { per_million: 1 }), 1);
        assert_eq!((bytes.rank(site), bytes.draw(site, Ask::Pick { of: 9 })), (0, 0));
    }
}
