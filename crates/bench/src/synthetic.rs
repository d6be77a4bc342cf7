//! Appeals that never were: each is a function of its number, so that every run and every process makes the same ones.

use jiff::ToSpan;
use jiff::civil;
use reform_api::data::v1;
use reform_api::data::v1::record::Body;

/// Institutions that appeals are addressed to.
pub(crate) const INSTITUTIONS: u64 = 20;
/// What comes before an id in a name.
pub(crate) const COLLECTION: &str = "records/";

/// The seed of everything.
const SEED: u64 = 0x5eed_0f0a_99ea_1500;
/// The code that ISO 3166 leaves to users: no country's.
const JURISDICTION: &str = "ZZ";
const SOURCE: &str = "records/synthetic-source";
const REGIONS: u64 = 20;
/// The first day on which an appeal is filed, and the number of days: ten years with three leap days.
const FIRST_DAY: civil::Date = civil::date(2015, 1, 1);
pub(crate) const FILING_DAYS: u64 = 3_653;
/// The longest ways from filing to an answer and from there to the end.
const ANSWER_DAYS: u64 = 45;
const CLOSE_DAYS: u64 = 60;

const CHANNELS: [&str; 4] = ["online", "post", "in-person", "service-centre"];
const TYPES: [&str; 4] = ["application", "inquiry", "complaint", "proposal"];
const APPLICANTS: [&str; 4] = ["citizen", "organisation", "ombudsperson", "prosecutor"];
const SUBJECTS: [&str; 12] = [
    "judicial-protection",
    "social-protection",
    "housing",
    "land",
    "labour",
    "health-care",
    "education",
    "taxes",
    "environment",
    "transport",
    "public-service",
    "elections",
];
const OUTCOMES: [&str; 8] =
    ["satisfied", "partly-satisfied", "refused", "explained", "forwarded", "returned", "withdrawn", "joined"];

/// Numbers that look random and depend on where they start alone (SplitMix64, Steele, Lea and Flood 2014).
#[derive(Debug, Clone)]
pub(crate) struct Draws(u64);

impl Draws {
    /// The draws of one stream.
    pub(crate) fn new(stream: u64) -> Self {
        Self(SEED ^ stream.wrapping_mul(0xd134_2543_de82_ef95))
    }

    /// The next draw.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The next draw below a bound.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn one_of(&mut self, words: &[&str]) -> String {
        let index = self.below(words.len() as u64);
        usize::try_from(index).ok().and_then(|index| words.get(index)).copied().unwrap_or_default().to_owned()
    }
}

/// Makes appeals. It holds every day that they know.
#[derive(Debug, Clone)]
pub(crate) struct Appeals {
    days: Vec<v1::Date>,
}

impl Appeals {
    pub(crate) fn new() -> Self {
        let last = FILING_DAYS + ANSWER_DAYS + CLOSE_DAYS;
        let days = FIRST_DAY.series(1.day()).take(usize::try_from(last).unwrap_or(usize::MAX)).map(day);
        Self { days: days.collect() }
    }

    /// The id of an appeal, numbered from 1.
    pub(crate) fn id(number: u64) -> String {
        format!("appeal-{number:09}")
    }

    /// A day counted from the first on which an appeal is filed.
    pub(crate) fn filing_day(day: u64) -> civil::Date {
        i64::try_from(day).ok().and_then(|day| FIRST_DAY.checked_add(day.days()).ok()).unwrap_or(FIRST_DAY)
    }

    /// The appeal of a number, without a name.
    pub(crate) fn record(&self, number: u64) -> v1::Record {
        let mut draws = Draws::new(number);
        let filed = draws.below(FILING_DAYS);
        let answered = (draws.below(10) < 9).then(|| filed + 1 + draws.below(ANSWER_DAYS - 1));
        let closed =
            answered.and_then(|answered| (draws.below(10) < 9).then(|| answered + draws.below(CLOSE_DAYS)));
        let outcome = if closed.is_some() { draws.one_of(&OUTCOMES) } else { String::new() };
        let refused = outcome == "returned";
        let appeal = v1::Appeal {
            institution: institution(1 + draws.below(INSTITUTIONS)),
            filed_on: self.day(filed),
            answered_on: answered.and_then(|day| self.day(day)),
            closed_on: closed.and_then(|day| self.day(day)),
            channel: draws.one_of(&CHANNELS),
            subject: draws.one_of(&SUBJECTS),
            refusal_reason: if refused { "outside-jurisdiction".to_owned() } else { String::new() },
            outcome,
            region: format!("{JURISDICTION}-{:02}", 1 + draws.below(REGIONS)),
            r#type: draws.one_of(&TYPES),
            applicant_kind: draws.one_of(&APPLICANTS),
            ..v1::Appeal::default()
        };
        record(String::new(), Body::Appeal(appeal))
    }

    /// The appeal of a number, with its name.
    pub(crate) fn named(&self, number: u64) -> v1::Record {
        v1::Record { name: format!("{COLLECTION}{}", Self::id(number)), ..self.record(number) }
    }

    fn day(&self, day: u64) -> Option<v1::Date> {
        usize::try_from(day).ok().and_then(|day| self.days.get(day)).cloned()
    }
}

/// What appeals refer to: the institutions, and the source that these cite.
pub(crate) fn surroundings() -> Vec<v1::Record> {
    let source = v1::Source { title: "Synthetic data of the benchmark".to_owned(), ..v1::Source::default() };
    let mut records = vec![record(SOURCE.to_owned(), Body::Source(source))];
    records.extend((1..=INSTITUTIONS).map(|number| v1::Record {
        title: format!("Synthetic institution {number}"),
        citations: vec![v1::Citation { source: SOURCE.to_owned(), ..v1::Citation::default() }],
        ..record(institution(number), Body::Institution(v1::Institution::default()))
    }));
    records
}

fn institution(number: u64) -> String {
    format!("{COLLECTION}institution-{number:02}")
}

fn record(name: String, body: Body) -> v1::Record {
    v1::Record { name, jurisdiction: JURISDICTION.to_owned(), body: Some(body), ..v1::Record::default() }
}

fn day(date: civil::Date) -> v1::Date {
    v1::Date {
        year: Some(i32::from(date.year())),
        month: Some(i32::from(date.month())),
        day: Some(i32::from(date.day())),
        latest: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_is_valid() {
        let appeals = Appeals::new();
        let made = (1..=2_000).map(|number| appeals.named(number));
        for record in surroundings().into_iter().chain(made) {
            reform_api::convert::record(&record).unwrap();
        }
    }

    #[test]
    fn a_number_always_makes_the_same_appeal() {
        assert_eq!(Appeals::new().named(77), Appeals::new().named(77));
        assert_ne!(Appeals::new().record(77), Appeals::new().record(78));
    }

    #[test]
    fn the_last_day_is_known() {
        let appeals = Appeals::new();
        assert!(appeals.day(FILING_DAYS + ANSWER_DAYS + CLOSE_DAYS - 1).is_some());
        assert_eq!(appeals.day(FILING_DAYS - 1).and_then(|day| day.year), Some(2024));
    }
}
