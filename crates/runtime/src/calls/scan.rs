//! Large messages, looked at before they are decoded: a field of two bytes becomes a struct of a kilobyte, so that a message
//! within its limit of bytes could take gigabytes. What is small is not looked at, nor is the inside of small parts.

/// Messages, and parts of messages, from which on their fields are counted.
const LARGE_BYTES: u64 = 64 << 10;

/// Fields of a large message that are counted; no request may have more than some thousand parts.
pub(crate) const FIELDS_MAX: u64 = 20_000;

/// The next bytes of a stream of gRPC messages are this.
#[derive(Debug, Clone, Copy)]
enum Next {
    /// Of the five bytes before a message: how many were seen, and the length so far.
    Prefix(u8, u64),
    /// The number and type of a field.
    Tag(u64, u32),
    /// A number, which says nothing.
    Number,
    /// The length of a part.
    Length(u64, u32),
    /// So many bytes that are not looked at.
    Skip(u64),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Scan {
    next: Next,
    /// Bytes of the message that are yet to come.
    left: u64,
    fields: u64,
}

/// There are too many fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMany;

impl Scan {
    pub(super) const fn new() -> Self {
        Self { next: Next::Prefix(0, 0), left: 0, fields: 0 }
    }

    /// Looks at the next bytes of the stream.
    pub(super) fn look(&mut self, mut bytes: &[u8]) -> Result<(), TooMany> {
        while let Some((first, rest)) = bytes.split_first() {
            if let Next::Skip(count) = self.next {
                let skipped = usize::try_from(count.min(self.left)).unwrap_or(usize::MAX).min(bytes.len());
                bytes = &bytes[skipped..];
                self.left -= skipped as u64;
                self.next = Next::Skip(count - skipped as u64);
                self.settle(count == skipped as u64);
                continue;
            }
            bytes = rest;
            if let Next::Prefix(seen, length) = self.next {
                self.prefix(seen, length << 8 | u64::from(*first));
                continue;
            }
            self.left -= 1;
            self.field(*first)?;
            self.settle(false);
        }
        Ok(())
    }

    /// One byte more of what stands before a message; its first byte is no part of the length.
    fn prefix(&mut self, seen: u8, length: u64) {
        self.next = Next::Prefix(seen + 1, length & 0xffff_ffff);
        if seen == 4 {
            self.left = length & 0xffff_ffff;
            self.fields = 0;
            self.next = if self.left > LARGE_BYTES { Next::Tag(0, 0) } else { Next::Skip(self.left) };
            self.settle(false);
        }
    }

    fn field(&mut self, byte: u8) -> Result<(), TooMany> {
        let (bits, more) = (u64::from(byte & 0x7f), byte & 0x80 != 0);
        self.next = match self.next {
            // No varint is longer: the decoder will say so.
            Next::Tag(_, 63..) | Next::Length(_, 63..) => Next::Skip(self.left),
            Next::Tag(value, shift) if more => Next::Tag(value | bits << shift, shift + 7),
            Next::Length(value, shift) if more => Next::Length(value | bits << shift, shift + 7),
            Next::Tag(value, shift) => {
                self.fields += 1;
                if self.fields > FIELDS_MAX {
                    return Err(TooMany);
                }
                match (value | bits << shift) & 7 {
                    0 => Next::Number,
                    1 => Next::Skip(8),
                    2 => Next::Length(0, 0),
                    5 => Next::Skip(4),
                    _ => Next::Skip(self.left),
                }
            }
            Next::Length(value, shift) => match value | bits << shift {
                // What is in a large part comes next, and after it what is behind the part.
                length if length == 0 || length > LARGE_BYTES => Next::Tag(0, 0),
                length => Next::Skip(length),
            },
            Next::Number if more => Next::Number,
            Next::Number | Next::Prefix(..) | Next::Skip(_) => Next::Tag(0, 0),
        };
        Ok(())
    }

    /// After the last byte of a message comes the next message, after that of a part the next field.
    fn settle(&mut self, skipped: bool) {
        if self.left == 0 {
            self.next = Next::Prefix(0, 0);
        } else if skipped {
            self.next = Next::Tag(0, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framed(message: &[u8]) -> Vec<u8> {
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        [&[0], &length[..], message].concat()
    }

    /// A part, field 2, with that in it.
    fn part(inner: &[u8]) -> Vec<u8> {
        let (mut bytes, mut length) = (vec![0x12], inner.len());
        while length > 0x7f {
            bytes.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        bytes.push(length as u8);
        [&bytes, inner].concat()
    }

    fn look(stream: &[u8], at_once: usize) -> Result<(), TooMany> {
        let mut scan = Scan::new();
        stream.chunks(at_once).try_for_each(|bytes| scan.look(bytes))
    }

    #[test]
    fn many_empty_parts_are_found_wherever_they_are() {
        let (many, few) = ([0x0a, 0].repeat(40_000), [0x0a, 0].repeat(15_000));
        let record = part(&[7; 3_000]);
        let table = [
            (framed(&many), false),
            (framed(&part(&many)), false),
            (framed(&part(&part(&many))), false),
            ([framed(&record), framed(&part(&many))].concat(), false),
            // Small parts are not looked into, and each message is counted by itself.
            (framed(&record.repeat(1_000)), true),
            (framed(&part(&record.repeat(1_000))).repeat(3), true),
            (
                [
                    framed(&few),
                    framed(&[]),
                    framed(&part(&[&few[..], &record.repeat(30)].concat())).repeat(2),
                ]
                .concat(),
                true,
            ),
            (framed(&[0xff; 100_000]), true),
            (framed(&[0x0b; 100_000]), true),
        ];
        for (number, (stream, passes)) in table.iter().enumerate() {
            for at_once in [1, 5, 16_384] {
                assert_eq!(look(stream, at_once).is_ok(), *passes, "{number}, {at_once} bytes at once");
            }
        }
    }

    proptest! {
        #[test]
        fn never_panics(mut bytes in prop::collection::vec(any::<u8>(), 0..2_000), large in any::<bool>(), at_once in 1_usize..64) {
            if large {
                bytes.splice(0..0, [0, 0, 2, 0, 0]);
            }
            let _ = look(&bytes, at_once);
        }
    }
}
