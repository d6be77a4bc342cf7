//! Sources, institutions and events.

use reform_model::institution::{Coverage, Event, Institution, LifecycleStep, Source};
use reform_model::record::Kind;
use reform_model::vocabulary::{EventType, InstitutionType, LifecycleKind};

use super::checker::Checker;
use super::{others, values};
use crate::data::v1;

pub(super) fn source(c: &mut Checker<'_>, wire: &v1::Source) -> Source {
    // Language and licence are for readers.
    let v1::Source { title, publisher, url, published_on, language: _, licence: _, covers } = wire;
    Source {
        title: title.clone(),
        publisher: publisher.clone(),
        url: url.clone(),
        published_on: c.date("published_on", published_on),
        covers: c.list("covers", covers, coverage),
    }
}

/// Required: kind, a known one.
fn coverage(c: &mut Checker<'_>, wire: &v1::Coverage) -> Option<Coverage> {
    let v1::Coverage { kind, subject, period } = wire;
    let known = Kind::parse(kind);
    c.check("kind", known.is_some(), "must be a kind of record, such as party");
    let subject = c.reference("subject", subject);
    let period = c.period("period", period);
    Some(Coverage { kind: known?, subject, period })
}

/// No predecessor of itself.
pub(super) fn institution(c: &mut Checker<'_>, wire: &v1::Institution) -> Institution {
    // Successors are output only, derived from predecessors.
    let v1::Institution { r#type, lifecycle, predecessors, successors: _, member_count, names } = wire;
    Institution {
        institution_type: c.choice("type", *r#type, InstitutionType::from_number),
        lifecycle: c.list("lifecycle", lifecycle, lifecycle_step),
        predecessors: others(c, "predecessors", predecessors),
        member_count: c.count("member_count", *member_count),
        names: c.list("names", names, values::dated_name),
    }
}

/// Required: kind.
fn lifecycle_step(c: &mut Checker<'_>, wire: &v1::LifecycleStep) -> Option<LifecycleStep> {
    let v1::LifecycleStep { kind, date } = wire;
    let kind = c.required_choice("kind", *kind, LifecycleKind::from_number);
    let date = c.date("date", date);
    Some(LifecycleStep { kind: kind?, date })
}

pub(super) fn event(c: &mut Checker<'_>, wire: &v1::Event) -> Event {
    // The place is in words, for readers.
    let v1::Event { r#type, date, place: _, number, series, region } = wire;
    Event {
        event_type: c.choice("type", *r#type, EventType::from_number),
        date: c.date("date", date),
        number: c.count("number", *number),
        series: c.reference("series", series),
        region: c.region("region", region),
    }
}
