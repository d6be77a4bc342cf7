//! From when until when a certificate is valid; nothing else of it is read, and nothing is proven.

use std::time::{SystemTime, UNIX_EPOCH};

use reform_model::Day;

/// A certificate that ends within so many days should be replaced.
const SOON_DAYS: i64 = 30;
const DAY_SECONDS: i64 = 86_400;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// Years of two digits from this one on are of the century before (RFC 5280, 4.1.2.5.1).
const CENTURY: i32 = 50;

/// Both ends, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// It is not valid before.
    pub from: i64,
    /// It is not valid after.
    pub until: i64,
}

/// How a certificate stands at a moment; in whole days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It will be valid.
    NotYet,
    /// It was valid until so many days ago.
    Ended(i64),
    /// It is valid, and should be replaced.
    Ends(i64),
    /// It is valid for longer.
    Good(i64),
}

impl Validity {
    /// How it stands now.
    pub fn now(self) -> Standing {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        self.at(i64::try_from(now).unwrap_or(i64::MAX))
    }

    /// How it stands at a moment, in seconds since 1970.
    pub fn at(self, moment: i64) -> Standing {
        if moment < self.from {
            return Standing::NotYet;
        }
        match self.until.saturating_sub(moment).div_euclid(DAY_SECONDS) {
            days @ ..0 => Standing::Ended(-days),
            days @ 0..SOON_DAYS => Standing::Ends(days),
            days => Standing::Good(days),
        }
    }

    /// Of a certificate in DER; none where the bytes are none.
    pub fn of(der: &[u8]) -> Option<Self> {
        let (certificate, _) = part(der, SEQUENCE)?;
        let (signed, _) = part(certificate, SEQUENCE)?;
        let rest = part(signed, VERSION).map_or(signed, |(_, rest)| rest);
        // Serial number, algorithm and issuer stand before.
        let rest = (0..3).try_fold(rest, |rest, _| any(rest).map(|(_, _, rest)| rest))?;
        let (validity, _) = part(rest, SEQUENCE)?;
        let (from, rest) = time(validity)?;
        let (until, _) = time(rest)?;
        Some(Self { from, until })
    }
}

/// The next value: its tag, its content, and what follows.
fn any(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = bytes.split_first_chunk::<2>()?;
    let (length, rest) = match first {
        0..0x80 => (usize::from(first), rest),
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            (length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        0x80 | 0x85.. => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// The next value when it has that tag.
fn part(bytes: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    any(bytes).filter(|(tag, ..)| *tag == wanted).map(|(_, content, rest)| (content, rest))
}

fn time(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (tag, text, rest) = any(bytes)?;
    let (digits, end) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let (year, digits) = match tag {
        UTC_TIME => {
            let (year, digits) = number(digits, 2)?;
            (if year < CENTURY { 2000 + year } else { 1900 + year }, digits)
        }
        GENERALIZED_TIME => number(digits, 4)?,
        _ => return None,
    };
    let (month, digits) = number(digits, 2)?;
    let (day, digits) = number(digits, 2)?;
    let (hour, digits) = number(digits, 2)?;
    let (minute, digits) = number(digits, 2)?;
    let (second, digits) = number(digits, 2)?;
    let Day(days) = Day::new(year, month, day).filter(|_| digits.is_empty() && end == b"Z")?;
    let seconds = i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second);
    Some((i64::from(days) * 86_400 + seconds, rest))
}

fn number(digits: &[u8], length: usize) -> Option<(i32, &[u8])> {
    let (number, rest) = digits.split_at_checked(length)?;
    let number =
        std::str::from_utf8(number).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    Some((number.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate as far as it is read: without its key.
    fn certificate(from: (u8, &str), until: (u8, &str)) -> Vec<u8> {
        let value = |tag: u8, content: &[u8]| {
            let length = u8::try_from(content.len()).unwrap();
            if length < 0x80 {
                [&[tag, length], content].concat()
            } else {
                [&[tag, 0x81, length], content].concat()
            }
        };
        let time = |(tag, text): (u8, &str)| value(tag, text.as_bytes());
        let validity = value(SEQUENCE, &[time(from), time(until)].concat());
        let parts = [
            value(VERSION, &[2, 1, 2]),
            value(2, &[7]),
            value(SEQUENCE, &[]),
            value(SEQUENCE, &[1; 70]),
            validity,
        ];
        value(SEQUENCE, &value(SEQUENCE, &parts.concat()))
    }

    #[test]
    fn both_forms_of_a_time_are_read() {
        let both = certificate((UTC_TIME, "700101000001Z"), (GENERALIZED_TIME, "20500101000000Z"));
        assert_eq!(Validity::of(&both), Some(Validity { from: 1, until: 2_524_608_000 }));
        let early = certificate((UTC_TIME, "491231235959Z"), (UTC_TIME, "500101000000Z"));
        let Validity { from, until } = Validity::of(&early).unwrap();
        assert!(from > 0 && until < 0, "{from} {until}");
    }

    #[test]
    fn a_certificate_ends_soon_before_it_has_ended() {
        let day = DAY_SECONDS;
        let validity = Validity { from: 0, until: 100 * day };
        for (moment, standing) in [
            (-1, Standing::NotYet),
            (0, Standing::Good(100)),
            (70 * day, Standing::Good(30)),
            (70 * day + 1, Standing::Ends(29)),
            (100 * day, Standing::Ends(0)),
            (100 * day + 1, Standing::Ended(1)),
            (102 * day, Standing::Ended(2)),
        ] {
            assert_eq!(validity.at(moment), standing, "{moment}");
        }
    }

    #[test]
    fn what_is_cut_off_or_no_time_is_none() {
        let whole = certificate((UTC_TIME, "700101000001Z"), (UTC_TIME, "700101000001Z"));
        for length in 0..whole.len() {
            assert_eq!(Validity::of(&whole[..length]), None);
        }
        for wrong in ["", "Z", "701301000000Z", "7001010000Z", "70010100000é", "+70101000000Z"] {
            assert_eq!(
                Validity::of(&certificate((UTC_TIME, wrong), (UTC_TIME, "700101000001Z"))),
                None,
                "{wrong}"
            );
        }
    }
}
