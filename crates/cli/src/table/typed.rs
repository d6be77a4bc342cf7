//! From text to a value of a field's type.

use jiff::civil;
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::TimeZone;
use prost_reflect::{DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, Value};

use super::cell::{Number, shown};

/// How dates are read where the map says nothing: whole, or as far as they are known.
pub(crate) const DATES: [&str; 3] = ["%Y-%m-%d", "%Y-%m", "%Y"];

/// The first year with four digits: what comes before it is a year written with two.
const YEAR_MIN: i16 = 1000;

/// What a text is read as.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    /// As it is.
    Text,
    /// Plain digits with a sign and a fraction.
    Decimal,
    /// Yes or no.
    Bool,
    /// A whole number of 32 bits.
    I32,
    /// A whole number of 64 bits.
    I64,
    /// One of the contract's words.
    Enum(EnumDescriptor),
    /// A date, `A..B` for a window.
    Date(MessageDescriptor),
    /// A period, `A..B`; one date is both ends.
    Period(MessageDescriptor),
}

impl Shape {
    /// How one value of a field is read; none for a message that no single text makes.
    pub(crate) fn of(field: &FieldDescriptor) -> Option<Self> {
        let in_quantity = field.parent_message().full_name() == "reform.data.v1.Quantity";
        match field.kind() {
            Kind::String if in_quantity && field.name().ends_with("decimal") => Some(Self::Decimal),
            Kind::String => Some(Self::Text),
            Kind::Bool => Some(Self::Bool),
            Kind::Int32 => Some(Self::I32),
            Kind::Int64 => Some(Self::I64),
            Kind::Enum(words) => Some(Self::Enum(words)),
            Kind::Message(message) if message.full_name() == "reform.data.v1.Date" => {
                Some(Self::Date(message))
            }
            Kind::Message(message) if message.full_name() == "reform.data.v1.Period" => {
                Some(Self::Period(message))
            }
            // The contract has no other scalars.
            Kind::Message(_)
            | Kind::Bytes
            | Kind::Double
            | Kind::Float
            | Kind::Uint32
            | Kind::Uint64
            | Kind::Sint32
            | Kind::Sint64
            | Kind::Fixed32
            | Kind::Fixed64
            | Kind::Sfixed32
            | Kind::Sfixed64 => None,
        }
    }

    /// Reads a text that is not empty.
    pub(crate) fn value(&self, text: &str, dates: &[String], number: &Number) -> Result<Value, String> {
        match self {
            Self::Text => Ok(Value::String(text.to_owned())),
            Self::Decimal => decimal(&number.plain(text)).map(Value::String).ok_or_else(|| no_number(text)),
            Self::Bool => boolean(text).map(Value::Bool),
            Self::I32 => whole(text, number).map(Value::I32),
            Self::I64 => whole(text, number).map(Value::I64),
            Self::Enum(words) => word(words, text).map(Value::EnumNumber),
            Self::Date(message) => window(message, text, dates).map(Value::Message),
            Self::Period(message) => period(message, text, dates).map(Value::Message),
        }
    }
}

fn no_number(text: &str) -> String {
    format!("{} is no number", shown(text))
}

fn whole<N: std::str::FromStr>(text: &str, number: &Number) -> Result<N, String> {
    number.plain(text).parse().map_err(|_| format!("{} is no whole number, or too large", shown(text)))
}

/// The digits when they are plain: an optional minus, digits, an optional fraction.
fn decimal(text: &str) -> Option<String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    (plain(whole) && plain(fraction)).then(|| text.to_owned())
}

fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" => Ok(false),
        _ => Err(format!("{} is neither true nor false", shown(text))),
    }
}

/// The number of a word, in its full form or without the part that all words of the enum begin with.
fn word(words: &EnumDescriptor, text: &str) -> Result<i32, String> {
    let zero = words.values().next().map(|value| value.name().to_owned()).unwrap_or_default();
    let common = zero.strip_suffix("UNSPECIFIED").unwrap_or_default().to_owned();
    let asked = text.to_ascii_uppercase().replace(['-', ' '], "_");
    let found = words.values().find(|value| {
        value.name() == asked || value.name().strip_prefix(common.as_str()) == Some(asked.as_str())
    });
    found.filter(|value| value.number() != 0).map(|value| value.number()).ok_or_else(|| {
        let known = words.values().filter(|value| value.number() != 0);
        let known = known.map(|value| value.name().trim_start_matches(common.as_str()).to_owned());
        format!("{} is none of {}", shown(text), known.collect::<Vec<_>>().join(", "))
    })
}

/// A date, or the earliest and latest of a window.
fn window(message: &MessageDescriptor, text: &str, formats: &[String]) -> Result<DynamicMessage, String> {
    match text.split_once("..") {
        None => date(message, text, formats),
        Some((from, latest)) => {
            let mut from = match from.trim() {
                "" => DynamicMessage::new(message.clone()),
                from => date(message, from, formats)?,
            };
            from.set_field_by_name("latest", Value::Message(date(message, latest.trim(), formats)?));
            Ok(from)
        }
    }
}

fn period(message: &MessageDescriptor, text: &str, formats: &[String]) -> Result<DynamicMessage, String> {
    let ends = text.split_once("..").unwrap_or((text, text));
    let mut period = DynamicMessage::new(message.clone());
    for (name, text) in [("start", ends.0.trim()), ("end", ends.1.trim())] {
        let field = message.get_field_by_name(name).expect("a period has two ends");
        if let (Kind::Message(inner), false) = (field.kind(), text.is_empty()) {
            period.set_field(&field, Value::Message(date(&inner, text, formats)?));
        }
    }
    Ok(period)
}

fn date(message: &MessageDescriptor, text: &str, formats: &[String]) -> Result<DynamicMessage, String> {
    let read = if formats.is_empty() {
        DATES.iter().find_map(|format| parse_date(format, text))
    } else {
        formats.iter().find_map(|format| parse_date(format, text))
    };
    let (year, month, day) = read.ok_or_else(|| {
        let formats = if formats.is_empty() { DATES.join(" or ") } else { formats.join(" or ") };
        format!("{} is no date of the form {formats}", shown(text))
    })?;
    let mut date = DynamicMessage::new(message.clone());
    for (name, part) in
        [("year", Some(i32::from(year))), ("month", month.map(i32::from)), ("day", day.map(i32::from))]
    {
        if let Some(part) = part {
            date.set_field_by_name(name, Value::I32(part));
        }
    }
    Ok(date)
}

/// The digits that the format has, when the whole text is of it and the calendar has that day.
fn parse_date(format: &str, text: &str) -> Option<(i16, Option<i8>, Option<i8>)> {
    let read = strtime::parse(format, text).ok()?;
    let (year, month, day) = (read.year().filter(|year| *year >= YEAR_MIN)?, read.month(), read.day());
    civil::Date::new(year, month.unwrap_or(1), day.unwrap_or(1)).ok()?;
    Some((year, month, day))
}

/// Whether a format reads what it writes, and gives a year, and no day without a month.
pub(crate) fn check_format(format: &str) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("{format:?} is no form of a date: {what}"));
    let sample = civil::date(2023, 3, 19).at(0, 0, 0, 0);
    let Ok(sample) = sample.to_zoned(TimeZone::UTC) else { return wrong("no sample") };
    let text = match BrokenDownTime::from(&sample).to_string(format) {
        Ok(text) => text,
        Err(error) => return wrong(&error.to_string()),
    };
    match strtime::parse(format, &text) {
        Err(error) => wrong(&error.to_string()),
        Ok(read) if read.year() != Some(2023) => wrong("it has no year (%Y)"),
        Ok(read) if read.day().is_some() && read.month().is_none() => wrong("it has a day and no month (%m)"),
        Ok(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use reform_api::data::v1::{Date, Period};
    use reform_api::descriptors;

    use super::*;

    fn read(text: &str, formats: &[&str]) -> Result<Date, String> {
        let shape = Shape::Date(descriptors::message("reform.data.v1.Date"));
        let formats: Vec<_> = formats.iter().map(|format| (*format).to_owned()).collect();
        let value = shape.value(text, &formats, &Number::default())?;
        Ok(value.as_message().unwrap().transcode_to().unwrap())
    }

    fn at(year: i32, month: Option<i32>, day: Option<i32>) -> Date {
        Date { year: Some(year), month, day, latest: None }
    }

    #[test]
    fn a_date_keeps_the_digits_that_are_known() {
        assert_eq!(read("2023-03-19", &[]), Ok(at(2023, Some(3), Some(19))));
        assert_eq!(read("2023-03", &[]), Ok(at(2023, Some(3), None)));
        assert_eq!(read("2023", &[]), Ok(at(2023, None, None)));
        assert_eq!(read("19.3.2023", &["%Y", "%d.%m.%Y"]), Ok(at(2023, Some(3), Some(19))));
        assert_eq!(read("2023-03-19T10:11:12", &["%Y-%m-%dT%H:%M:%S"]), Ok(at(2023, Some(3), Some(19))));
        let window = Date { latest: Some(Box::new(at(2005, None, None))), ..at(2004, None, None) };
        assert_eq!(read("2004..2005", &[]), Ok(window));
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for (text, format) in [
            ("2023-02-30", "%Y-%m-%d"),
            ("19/03/23", "%d/%m/%Y"),
            ("2023-03-19x", "%Y-%m-%d"),
            ("soon", "%Y"),
        ] {
            assert!(read(text, &[format]).is_err(), "{text}");
        }
        for format in ["%d %m", "%Q", "%Y %d", "x"] {
            assert!(check_format(format).is_err(), "{format}");
        }
        for format in ["%Y-%m-%d", "%d %B %Y", "%y%m%d", "%Y-%m-%dT%H:%M:%S%z", "%m/%d/%Y %I:%M %p"] {
            assert_eq!(check_format(format), Ok(()), "{format}");
        }
    }

    #[test]
    fn a_period_has_one_date_or_two() {
        let shape = Shape::Period(descriptors::message("reform.data.v1.Period"));
        let read = |text| -> Period {
            let value = shape.value(text, &[], &Number::default()).unwrap();
            value.as_message().unwrap().transcode_to().unwrap()
        };
        let year = |year| Some(at(year, None, None));
        assert_eq!(read("2019..2024"), Period { start: year(2019), end: year(2024) });
        assert_eq!(read("2019"), Period { start: year(2019), end: year(2019) });
        assert_eq!(read("..2019"), Period { start: None, end: year(2019) });
    }

    #[test]
    fn words_of_the_contract_have_a_short_form() {
        let quantity = descriptors::message("reform.data.v1.Quantity");
        let shape = Shape::of(&quantity.get_field_by_name("comparator").unwrap()).unwrap();
        let read = |text| shape.value(text, &[], &Number::default());
        for text in ["COMPARATOR_MORE_THAN", "MORE_THAN", "more than", "more-than"] {
            assert_eq!(read(text), Ok(Value::EnumNumber(4)), "{text}");
        }
        assert!(read("more").unwrap_err().contains("EXACT, APPROXIMATE"));
        assert!(read("UNSPECIFIED").is_err());
    }

    #[test]
    fn numbers_are_plain() {
        let text = |text| Shape::Decimal.value(text, &[], &Number { point: ',', grouping: Some(' ') });
        assert_eq!(text("-1 234,50"), Ok(Value::String("-1234.50".to_owned())));
        for wrong in ["", "-", "1e3", "+1", "1,", "12 %"] {
            assert!(text(wrong).is_err(), "{wrong}");
        }
        assert!(Shape::I32.value("3000000000", &[], &Number::default()).is_err());
        assert_eq!(Shape::I64.value("3000000000", &[], &Number::default()), Ok(Value::I64(3_000_000_000)));
        assert_eq!(Shape::Bool.value("Yes", &[], &Number::default()), Ok(Value::Bool(true)));
    }
}
