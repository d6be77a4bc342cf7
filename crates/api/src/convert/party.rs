//! Parties and how they end.

use reform_model::party::{Party, PartyEnd};
use reform_model::vocabulary::PartyEndKind;

use super::checker::Checker;
use super::{others, values};
use crate::data::v1;

/// No predecessor of itself; no day of registration when it never was registered.
pub(super) fn party(c: &mut Checker<'_>, wire: &v1::Party) -> Party {
    let v1::Party {
        names,
        founded_on,
        registered_on,
        ended,
        predecessors,
        re_registered_on,
        never_registered,
        // Output only, derived from predecessors.
        successors: _,
    } = wire;
    let impossible = *never_registered && registered_on.is_some();
    c.check("registered_on", !impossible, "must be absent when never_registered is set");
    Party {
        names: c.list("names", names, values::dated_name),
        founded_on: c.date("founded_on", founded_on),
        registered_on: c.date("registered_on", registered_on),
        ended: c.optional("ended", ended.as_ref(), party_end),
        predecessors: others(c, "predecessors", predecessors),
        re_registered_on: c.list("re_registered_on", re_registered_on, values::date),
        never_registered: *never_registered,
    }
}

/// Required: kind; a party whose end nobody explains has UNKNOWN.
fn party_end(c: &mut Checker<'_>, wire: &v1::PartyEnd) -> Option<PartyEnd> {
    let v1::PartyEnd { kind, date } = wire;
    let kind = c.required_choice("kind", *kind, PartyEndKind::from_number);
    let date = c.date("date", date);
    Some(PartyEnd { kind: kind?, date })
}
