//! What stands around every stored value: a format byte and a checksum over key and payload.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | format, [`FORMAT`] |
//! | 4 | CRC32C over key and payload, little-endian |
//! | … | payload |

/// The only format there is.
pub const FORMAT: u8 = 1;
/// Bytes before the payload.
pub const LENGTH: usize = 5;

/// Why a stored value is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// sled cannot make it out.
    #[error("sled cannot read it")]
    Unreadable,
    /// Shorter than an envelope.
    #[error("it is cut off")]
    Short,
    /// Written by a newer program, or overwritten.
    #[error("its format is {0}, this program knows {FORMAT}")]
    Format(u8),
    /// The bytes are not those that were written.
    #[error("its checksum does not match")]
    Checksum,
    /// The checksum holds and the content does not parse: a bug wrote it.
    #[error("its content does not parse")]
    Content,
}

/// Puts a payload that begins at [`LENGTH`] of `value` into its envelope.
pub fn seal(key: &[u8], value: &mut [u8]) {
    let checksum = checksum(key, value.get(LENGTH..).unwrap_or_default());
    if let Some((format, rest)) = value.split_first_mut()
        && let Some(space) = rest.get_mut(..4)
    {
        *format = FORMAT;
        space.copy_from_slice(&checksum.to_le_bytes());
    }
}

/// The payload of a value that was stored under that key.
pub fn open<'a>(key: &[u8], value: &'a [u8]) -> Result<&'a [u8], Damage> {
    let (head, payload) = value.split_at_checked(LENGTH).ok_or(Damage::Short)?;
    let (format, stored) = head.split_first().ok_or(Damage::Short)?;
    if *format != FORMAT {
        return Err(Damage::Format(*format));
    }
    if stored != checksum(key, payload).to_le_bytes() {
        return Err(Damage::Checksum);
    }
    Ok(payload)
}

fn checksum(key: &[u8], payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(key), payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_is_seen() {
        let mut value = b".....payload".to_vec();
        seal(b"key", &mut value);
        assert_eq!(open(b"key", &value), Ok(b"payload".as_slice()));
        assert_eq!(open(b"other", &value), Err(Damage::Checksum));
        for bit in 0..value.len() * 8 {
            value[bit / 8] ^= 1 << (bit % 8);
            assert!(open(b"key", &value).is_err(), "bit {bit}");
            value[bit / 8] ^= 1 << (bit % 8);
        }
        assert_eq!(open(b"key", &value[..3]), Err(Damage::Short));
    }
}
