//! Appeals straight from their encoding. They come in millions, and as a rule say little.

use std::ops::Range;

use bytes::Bytes;
use reform_model::{Day, Name};

use super::{TITLE_CHARACTERS_MAX, values};

/// Texts of an appeal, by what they are.
const NAME: usize = 0;
const JURISDICTION: usize = 1;
const INSTITUTION: usize = 2;
const CHANNEL: usize = 3;
const SUBJECT: usize = 4;
const OUTCOME: usize = 5;
const REGION: usize = 6;
const TYPE: usize = 7;
const APPLICANT_KIND: usize = 8;

/// Dates of an appeal, by what they are.
const FILED: usize = 0;
const ANSWERED: usize = 1;
const CLOSED: usize = 2;
const DEADLINE: usize = 3;
const ADMITTED: usize = 4;

/// An appeal without citations, rival claims and the like, all of whose dates are single days. What it says is what
/// [`super::record`] makes of the same bytes.
#[derive(Debug, Clone)]
pub struct PlainAppeal {
    encoded: Bytes,
    texts: [(u16, u16); 9],
    days: [Option<Day>; 5],
}

macro_rules! told {
    ($field:ident: $kind:ty, $($(#[$doc:meta])* $name:ident: $place:ident,)*) => {
        impl PlainAppeal {
            $($(#[$doc])* pub fn $name(&self) -> $kind { self.$field($place) })*
        }
    };
}

told! { text: &str,
    /// `records/{id}`.
    name: NAME,
    /// Empty for none, as all of these.
    jurisdiction: JURISDICTION,
    /// The name of the institution.
    institution: INSTITUTION,
    /// How it came.
    channel: CHANNEL,
    /// What it is about.
    subject: SUBJECT,
    /// How it ended.
    outcome: OUTCOME,
    /// Where it came from.
    region: REGION,
    /// What it is.
    appeal_type: TYPE,
    /// Who filed it.
    applicant_kind: APPLICANT_KIND,
}

told! { day: Option<Day>,
    /// The day of filing.
    filed_on: FILED,
    /// The day of the first answer.
    answered_on: ANSWERED,
    /// The day of closing.
    closed_on: CLOSED,
    /// The day by which it is to be answered.
    deadline_on: DEADLINE,
}

impl PlainAppeal {
    /// Reads an encoded record. None: it is no plain appeal, or none at all.
    pub fn read(encoded: &Bytes) -> Option<Self> {
        let whole = 0..usize::from(u16::try_from(encoded.len()).ok()?);
        let mut appeal = Self { encoded: encoded.clone(), texts: [(0, 0); 9], days: [None; 5] };
        let mut body = None;
        let mut fields = Fields::of(encoded, whole);
        while let Some(field) = fields.next()? {
            match field {
                (1, Value::Bytes(text)) => appeal.take_text(NAME, text)?,
                (3, Value::Bytes(text)) => appeal.take_text(JURISDICTION, text)?,
                (4, Value::Bytes(text)) if text.len() <= TITLE_CHARACTERS_MAX => drop(appeal.valid(text)?),
                // What the server derives: not read, but it has to be what it says it is.
                (2 | 16, Value::Bytes(text)) => drop(appeal.valid(text)?),
                (11 | 12, Value::Number(_)) => {}
                (13..=15, Value::Bytes(time)) => numbers(encoded, time).map(drop)?,
                (27, Value::Bytes(bytes)) if body.is_none() => body = Some(bytes),
                _ => return None,
            }
        }
        appeal.take_body(body?)?;
        appeal.is_valid().then_some(appeal)
    }

    fn take_body(&mut self, body: Range<usize>) -> Option<()> {
        let encoded = self.encoded.clone();
        let mut fields = Fields::of(&encoded, body);
        while let Some((tag, Value::Bytes(bytes))) = fields.next()? {
            match tag {
                1 => self.take_text(INSTITUTION, bytes)?,
                2 => self.take_day(FILED, bytes)?,
                3 => self.take_day(ADMITTED, bytes)?,
                4 => self.take_day(ANSWERED, bytes)?,
                5 => self.take_day(CLOSED, bytes)?,
                6 => self.take_text(CHANNEL, bytes)?,
                7 => self.take_text(SUBJECT, bytes)?,
                8 => self.take_text(OUTCOME, bytes)?,
                // The reason of a refusal: nobody reads it.
                9 => drop(self.valid(bytes)?),
                10 => self.take_text(REGION, bytes)?,
                11 => self.take_day(DEADLINE, bytes)?,
                12 => self.take_text(TYPE, bytes)?,
                13 => self.take_text(APPLICANT_KIND, bytes)?,
                _ => return None,
            }
        }
        fields.is_at_end().then_some(())
    }

    fn take_text(&mut self, place: usize, text: Range<usize>) -> Option<()> {
        self.valid(text.clone())?;
        self.texts[place] = (u16::try_from(text.start).ok()?, u16::try_from(text.end).ok()?);
        Some(())
    }

    /// A day that is stated once, and whole.
    fn take_day(&mut self, place: usize, date: Range<usize>) -> Option<()> {
        let [year, month, day] = numbers(&self.encoded, date)?;
        let day = Day::new(year?, month?, day?)?;
        self.days[place].replace(day).is_none().then_some(())
    }

    fn is_valid(&self) -> bool {
        let (institution, region) = (self.institution(), self.region());
        Name::is_name(self.name())
            && values::is_jurisdiction(self.jurisdiction())
            && (institution.is_empty() || Name::is_name(institution))
            && (region.is_empty() || values::is_subdivision(region))
    }

    fn valid(&self, text: Range<usize>) -> Option<&str> {
        std::str::from_utf8(self.encoded.get(text)?).ok()
    }

    fn text(&self, place: usize) -> &str {
        let (start, end) = self.texts[place];
        self.valid(start.into()..end.into()).unwrap_or_default()
    }

    fn day(&self, place: usize) -> Option<Day> {
        self.days[place]
    }
}

/// The numbers of a message of at most three and nothing else.
fn numbers(encoded: &[u8], message: Range<usize>) -> Option<[Option<i32>; 3]> {
    let mut numbers = [None; 3];
    let mut fields = Fields::of(encoded, message);
    while let Some((tag, Value::Number(number))) = fields.next()? {
        let place = usize::try_from(tag).ok()?.checked_sub(1)?;
        // As every decoder does it: of a number that is too large the low bits.
        *numbers.get_mut(place)? = Some(u32::try_from(number & u64::from(u32::MAX)).ok()?.cast_signed());
    }
    fields.is_at_end().then_some(numbers)
}

/// A field as it stands in a message: a number, or where its bytes are.
enum Value {
    Number(u64),
    Bytes(Range<usize>),
}

/// The fields of a message, one after the other.
struct Fields<'a> {
    encoded: &'a [u8],
    at: usize,
    end: usize,
    /// Whether the last one was none.
    is_over: bool,
}

impl<'a> Fields<'a> {
    fn of(encoded: &'a [u8], message: Range<usize>) -> Self {
        Self { encoded, at: message.start, end: message.end, is_over: false }
    }

    /// None where this is no message, or one with fields of other types.
    fn next(&mut self) -> Option<Option<(u32, Value)>> {
        if self.at >= self.end {
            self.is_over = true;
            return Some(None);
        }
        let key = u32::try_from(self.varint()?).ok()?;
        let value = match key & 7 {
            0 => Value::Number(self.varint()?),
            2 => {
                let len = usize::try_from(self.varint()?).ok()?;
                let start = self.at;
                self.at = start.checked_add(len).filter(|end| *end <= self.end)?;
                Value::Bytes(start..self.at)
            }
            _ => return None,
        };
        Some(Some((key >> 3, value)))
    }

    /// Whether the message ended, and not with a field of another type.
    fn is_at_end(&self) -> bool {
        self.is_over
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..63).step_by(7) {
            let byte = *self.encoded.get(self.at).filter(|_| self.at < self.end)?;
            self.at += 1;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        // The longest ones are negative, and no number of an appeal is.
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message;
    use reform_model::{Body, Date};

    use super::*;
    use crate::data::v1;

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            Just(String::new()),
            "[a-zà]{1,6}",
            Just("KZ".to_owned()),
            Just("KZ-AB".to_owned()),
            Just("records/a".to_owned())
        ]
    }

    fn date() -> impl Strategy<Value = Option<v1::Date>> {
        let number = |range| proptest::option::weighted(0.95, range);
        let latest = proptest::option::weighted(
            0.05,
            Just(Box::new(v1::Date { year: Some(2040), ..Default::default() })),
        );
        let date = (number(-1..10_001), number(0..14), number(0..33), latest);
        proptest::option::of(date.prop_map(|(year, month, day, latest)| v1::Date {
            year,
            month,
            day,
            latest,
        }))
    }

    prop_compose! {
        fn appeal()(
            institution in text(), channel in text(), region in text(), outcome in text(), rest in text(),
            filed_on in date(), answered_on in date(), closed_on in date(), deadline_on in date(),
        ) -> v1::Appeal {
            v1::Appeal {
                institution, channel, region, outcome, admitted_on: filed_on.clone(), filed_on, answered_on,
                closed_on, deadline_on, subject: rest.clone(), refusal_reason: rest.clone(),
                r#type: rest.clone(), applicant_kind: rest,
            }
        }
    }

    prop_compose! {
        fn encoded()(
            appeal in appeal(), jurisdiction in text(), title in text(), revision in 0..i64::MAX / 2,
            labels in proptest::collection::btree_map(text(), text(), 0..2), flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..2),
        ) -> Bytes {
            let time = Some(prost_types::Timestamp { seconds: revision >> 30, nanos: 7 });
            let record = v1::Record {
                name: "records/appeal-1".to_owned(), uid: "u".to_owned(), jurisdiction, title, revision, create_time: time,
                update_time: time, labels, body: Some(v1::record::Body::Appeal(appeal)), ..Default::default()
            };
            let mut bytes = record.encode_to_vec();
            for (place, byte) in flips {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            bytes.into()
        }
    }

    /// What the long way says of the same bytes, as far as the short way goes.
    fn check(encoded: &Bytes) -> Option<()> {
        let plain = PlainAppeal::read(encoded)?;
        let wire = v1::Record::decode(encoded.clone()).unwrap();
        let record = crate::convert::record(&wire).unwrap();
        let Body::Appeal(appeal) = &record.body else { panic!("{:?} is no appeal", record.body) };
        let institution = appeal.institution.as_ref().map_or("", Name::as_str);
        assert_eq!((plain.name(), plain.jurisdiction()), (record.name.as_str(), &*record.jurisdiction));
        assert_eq!((plain.institution(), plain.region()), (institution, &*appeal.region));
        assert_eq!((plain.channel(), plain.subject()), (&*appeal.channel, &*appeal.subject));
        assert_eq!((plain.outcome(), plain.appeal_type()), (&*appeal.outcome, &*appeal.appeal_type));
        assert_eq!(plain.applicant_kind(), appeal.applicant_kind);
        let days = [plain.filed_on(), plain.answered_on(), plain.closed_on(), plain.deadline_on()];
        let dates = [appeal.filed_on, appeal.answered_on, appeal.closed_on, appeal.deadline_on];
        assert_eq!(days.map(|day| day.map(Date::exact)), dates);
        let others = (&record.citations, &record.discrepancies, &record.inferences, &record.waivers);
        assert!(others.0.is_empty() && others.1.is_empty() && others.2.is_empty() && others.3.is_empty());
        Some(())
    }

    proptest! {
        #[test]
        fn the_short_way_says_what_the_long_way_says(encoded in encoded()) {
            check(&encoded);
        }
    }

    #[test]
    fn a_plain_appeal_goes_the_short_way_and_others_do_not() {
        let day = Some(v1::Date { year: Some(2024), month: Some(2), day: Some(29), latest: None });
        let appeal = v1::Appeal {
            institution: "records/a".to_owned(),
            region: "KZ-75".to_owned(),
            filed_on: day.clone(),
            closed_on: day,
            ..Default::default()
        };
        let record = |appeal: v1::Appeal| v1::Record {
            name: "records/b".to_owned(),
            jurisdiction: "KZ".to_owned(),
            revision: 7,
            body: Some(v1::record::Body::Appeal(appeal)),
            ..Default::default()
        };
        let read = |record: &v1::Record| check(&record.encode_to_vec().into());
        assert_eq!(read(&record(appeal.clone())), Some(()));
        let cited = v1::Record { citations: vec![v1::Citation::default()], ..record(appeal.clone()) };
        let year = Some(v1::Date { year: Some(2024), ..Default::default() });
        let coarse = record(v1::Appeal { filed_on: year, ..appeal.clone() });
        let wrong = v1::Record { jurisdiction: "kz".to_owned(), ..record(appeal) };
        assert!([cited, coarse, wrong].iter().all(|record| read(record).is_none()));
    }
}
