//! Numbers, texts and lists as bytes, and back: big-endian, with lengths before what is long. Whatever is missing is an error that says
//! which field.

use super::message::Malformed;

#[derive(Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn byte(mut self, byte: u8) -> Writer {
        self.0.push(byte);
        self
    }

    pub(super) fn u32(mut self, number: u32) -> Writer {
        self.0.extend(number.to_be_bytes());
        self
    }

    pub(super) fn u64(mut self, number: u64) -> Writer {
        self.0.extend(number.to_be_bytes());
        self
    }

    pub(super) fn flag(self, is_so: bool) -> Writer {
        self.byte(u8::from(is_so))
    }

    /// Nothing and an empty text are two things.
    pub(super) fn optional(self, text: Option<&str>) -> Writer {
        match text {
            Some(text) => self.flag(true).bytes(text.as_bytes()),
            None => self.flag(false),
        }
    }

    pub(super) fn list<T>(self, items: &[T], write: impl Fn(Writer, &T) -> Writer) -> Writer {
        items.iter().fold(self.u32(items.len() as u32), write)
    }

    pub(super) fn bytes(self, bytes: &[u8]) -> Writer {
        let mut out = self.u32(bytes.len() as u32);
        out.0.extend(bytes);
        out
    }
}

pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, bytes: usize, field: &'static str) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or(Malformed::Short(field))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self, field: &'static str) -> Result<u8, Malformed> {
        Ok(self.take(1, field)?[0])
    }

    pub(super) fn u32(&mut self, field: &'static str) -> Result<u32, Malformed> {
        let taken = self.take(4, field)?;
        Ok(u32::from_be_bytes(taken.try_into().map_err(|_| Malformed::Short(field))?))
    }

    pub(super) fn u64(&mut self, field: &'static str) -> Result<u64, Malformed> {
        let taken = self.take(8, field)?;
        Ok(u64::from_be_bytes(taken.try_into().map_err(|_| Malformed::Short(field))?))
    }

    pub(super) fn bytes(&mut self, field: &'static str) -> Result<&'a [u8], Malformed> {
        let length = self.u32(field)?;
        self.take(length as usize, field)
    }

    pub(super) fn text(&mut self, field: &'static str) -> Result<String, Malformed> {
        let bytes = self.bytes(field)?;
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Malformed::NoText(field))
    }

    pub(super) fn flag(&mut self, field: &'static str) -> Result<bool, Malformed> {
        match self.byte(field)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(Malformed::Unknown(other)),
        }
    }

    pub(super) fn optional(&mut self, field: &'static str) -> Result<Option<String>, Malformed> {
        if self.flag(field)? { self.text(field).map(Some) } else { Ok(None) }
    }

    /// So many at most. Nothing is reserved for them: the count is the peer's word.
    pub(super) fn list<T>(
        &mut self,
        field: &'static str,
        max: u32,
        mut read: impl FnMut(&mut Reader<'a>) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let count = self.u32(field)?;
        if count > max {
            return Err(Malformed::TooMany { field, count, max });
        }
        (0..count).map(|_| read(self)).collect()
    }

    pub(super) fn end(&self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed::Long(self.0.len())) }
    }
}
