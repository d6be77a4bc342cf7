//! Wire → domain: what a record has to be so that it means something.
//!
//! [`record`] refuses what is impossible by itself and collects every violation. What only contradicts another field is
//! stored, and is a finding of the model. In reading order: [`Violations`]; `checker`, the path and the basic checks;
//! `values`, dates and quantities; then the kinds, in files named as in the model; `plain`, a short way for appeals.

mod checker;
mod election;
mod institution;
mod measure;
mod participation;
mod party;
mod plain;
mod provenance;
mod reform;
mod values;
mod violations;

use prost::Message;
use reform_model::Decimal;
use reform_model::date::{Date, Period};
use reform_model::record::{Body, Kind, Name, Record};
use reform_model::vocabulary::Rank;

use crate::data::v1;
use checker::Checker;

pub use plain::PlainAppeal;
pub use violations::{Violation, Violations};

/// The largest record: bytes of its encoding, output-only fields not counted.
pub const RECORD_BYTES_MAX: usize = 64 * 1024;
/// The longest title, in characters.
pub const TITLE_CHARACTERS_MAX: usize = 500;
/// The most labels of one record.
pub const LABELS_MAX: usize = 64;

/// What a record means, or everything that makes it impossible; the paths are relative to the record.
///
/// The name has to be set: a server that makes one does so before. Whether references point at anything is the store's
/// to say. Output-only fields are not read. A record over [`RECORD_BYTES_MAX`] has this one violation: nothing else of
/// it is looked at, so that no list of violations grows beyond bounds.
pub fn record(wire: &v1::Record) -> Result<Record, Violations> {
    if stored_bytes(wire) > RECORD_BYTES_MAX {
        let description = format!("a record has at most {RECORD_BYTES_MAX} bytes");
        return Err(Violations(vec![Violation { field_path: String::new(), description }]));
    }
    let mut checker = Checker::new(wire);
    let record = whole(&mut checker, wire);
    checker.finish(record)
}

/// The kind of a body, valid or not.
pub fn kind(body: &v1::record::Body) -> Kind {
    use v1::record::Body as Wire;
    match body {
        Wire::Source(_) => Kind::Source,
        Wire::Institution(_) => Kind::Institution,
        Wire::Package(_) => Kind::Package,
        Wire::Reform(_) => Kind::Reform,
        Wire::Party(_) => Kind::Party,
        Wire::Election(_) => Kind::Election,
        Wire::Referendum(_) => Kind::Referendum,
        Wire::Appeal(_) => Kind::Appeal,
        Wire::Decision(_) => Kind::Decision,
        Wire::Petition(_) => Kind::Petition,
        Wire::Variable(_) => Kind::Variable,
        Wire::Observation(_) => Kind::Observation,
        Wire::Target(_) => Kind::Target,
        Wire::Event(_) => Kind::Event,
    }
}

/// Paths of the fields that the server derives; [`without_output_only`] clears them.
pub const OUTPUT_ONLY: &[&str] = &[
    "uid",
    "revision",
    "create_revision",
    "create_time",
    "update_time",
    "delete_time",
    "etag",
    "findings",
    "institution.successors",
    "party.successors",
];

/// What a period means, under the rules that hold for the periods of records.
///
/// # Errors
/// All violations, with field paths below the period.
pub fn period(wire: &v1::Period) -> Result<Period, Violations> {
    let none = v1::Record::default();
    let mut checker = Checker::new(&none);
    let period = values::period(&mut checker, wire);
    checker.finish(period)
}

/// What a date means, under the rules that hold for the dates of records.
///
/// # Errors
/// All violations, with field paths below the date.
pub fn date(wire: &v1::Date) -> Result<Date, Violations> {
    let none = v1::Record::default();
    let mut checker = Checker::new(&none);
    let date = values::date(&mut checker, wire);
    checker.finish(date)
}

/// A number under the rules that hold for the numbers of records.
///
/// # Errors
/// What is wrong with the text.
pub fn decimal(text: &str) -> Result<Decimal, &'static str> {
    values::plain_decimal(text)
}

/// The record as it is stored: without the fields that the server derives.
pub fn without_output_only(mut wire: v1::Record) -> v1::Record {
    let v1::Record {
        uid,
        revision,
        create_revision,
        create_time,
        update_time,
        delete_time,
        etag,
        findings,
        body,
        // The author's own.
        name: _,
        jurisdiction: _,
        title: _,
        labels: _,
        citations: _,
        discrepancies: _,
        rank: _,
        rank_reason: _,
        waivers: _,
        inferences: _,
        description: _,
        titles: _,
    } = &mut wire;
    uid.clear();
    (*revision, *create_revision) = (0, 0);
    (*create_time, *update_time, *delete_time) = (None, None, None);
    etag.clear();
    findings.clear();
    if let Some(v1::record::Body::Institution(institution)) = body {
        institution.successors.clear();
    }
    if let Some(v1::record::Body::Party(party)) = body {
        party.successors.clear();
    }
    wire
}

/// Measures again without output-only fields only where that can matter.
fn stored_bytes(wire: &v1::Record) -> usize {
    let bytes = wire.encoded_len();
    if bytes <= RECORD_BYTES_MAX { bytes } else { without_output_only(wire.clone()).encoded_len() }
}

fn whole(c: &mut Checker<'_>, wire: &v1::Record) -> Option<Record> {
    let v1::Record {
        name,
        jurisdiction,
        title,
        labels,
        citations,
        discrepancies,
        rank,
        waivers,
        inferences,
        body,
        // Output only.
        uid: _,
        revision: _,
        create_revision: _,
        create_time: _,
        update_time: _,
        delete_time: _,
        etag: _,
        findings: _,
        // Text for readers, which no rule reads.
        rank_reason: _,
        description: _,
        titles: _,
    } = wire;
    let name = c.required_reference("name", name);
    c.check("jurisdiction", values::is_jurisdiction(jurisdiction), values::JURISDICTION_EXPECTED);
    let title_fits = title.chars().count() <= TITLE_CHARACTERS_MAX;
    c.check("title", title_fits, "a title has at most 500 characters");
    c.check("labels", labels.len() <= LABELS_MAX, "a record has at most 64 labels");
    c.check("labels", !labels.contains_key(""), "a label needs a key");
    c.check("body", body.is_some(), "a record of some kind is required");
    let cited = !citations.is_empty() || body.as_ref().is_none_or(|body| !kind(body).needs_citation());
    c.check("citations", cited, "at least one citation is required");
    let body = body.as_ref().and_then(|body| self::body(c, body));
    let citations = c.list("citations", citations, provenance::citation);
    let discrepancies = c.list("discrepancies", discrepancies, provenance::discrepancy);
    let inferences = c.list("inferences", inferences, provenance::inference);
    let rank = c.choice("rank", *rank, Rank::from_number);
    let waivers = c.list("waivers", waivers, provenance::waiver);
    Some(Record {
        name: name?,
        jurisdiction: jurisdiction.clone(),
        title: title.clone(),
        labels: labels.clone(),
        citations,
        discrepancies,
        inferences,
        rank,
        waivers,
        body: body?,
    })
}

fn body(c: &mut Checker<'_>, wire: &v1::record::Body) -> Option<Body> {
    use v1::record::Body as Wire;
    c.within(kind(wire).as_str(), |c| match wire {
        Wire::Source(wire) => Some(Body::Source(institution::source(c, wire))),
        Wire::Institution(wire) => Some(Body::Institution(institution::institution(c, wire))),
        Wire::Package(wire) => Some(Body::Package(reform::package(c, wire))),
        Wire::Reform(wire) => Some(Body::Reform(reform::reform(c, wire))),
        Wire::Party(wire) => Some(Body::Party(party::party(c, wire))),
        Wire::Election(wire) => Some(Body::Election(election::election(c, wire))),
        Wire::Referendum(wire) => Some(Body::Referendum(election::referendum(c, wire))),
        Wire::Appeal(wire) => Some(Body::Appeal(participation::appeal(c, wire))),
        Wire::Decision(wire) => Some(Body::Decision(participation::decision(c, wire))),
        Wire::Petition(wire) => Some(Body::Petition(participation::petition(c, wire))),
        Wire::Variable(wire) => Some(Body::Variable(measure::variable(c, wire))),
        Wire::Observation(wire) => measure::observation(c, wire).map(Body::Observation),
        Wire::Target(wire) => measure::target(c, wire).map(Body::Target),
        Wire::Event(wire) => Some(Body::Event(institution::event(c, wire))),
    })
}

/// A list of references, none of which is the record itself.
fn others(c: &mut Checker<'_>, field: &'static str, wire: &[String]) -> Vec<Name> {
    c.list(field, wire, |c, name| c.other(name))
}
