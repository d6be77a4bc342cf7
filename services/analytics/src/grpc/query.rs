//! What a request asks, or everything that is wrong with it.

use reform_api::analytics::v1;
use reform_api::analytics::v1::query_indicator_request::AsOf;
use reform_indicators::catalogue::{self, Definition};
use reform_indicators::filter::DimensionFilter;
use reform_indicators::query::{Origin, Query};
use reform_indicators::span::Granularity;

use super::period::{Violations, period};
use crate::answers::{Place, Question};
use crate::refusal::Refusal;

/// Queries of one batch.
const QUERIES_MAX: usize = 100;

const PAGE_SIZE_DEFAULT: usize = 100;
const PAGE_SIZE_MAX: usize = 1_000;

const PREFIX: &str = "indicators/";

/// One query, and where in history it is asked.
pub(super) fn one(wire: v1::QueryIndicatorRequest) -> Result<(Question, Place), Refusal> {
    let mut reader = Reader::default();
    let read = reader.read(wire, String::new());
    reader.finish()?;
    read.ok_or(Refusal::Internal)
}

/// Several queries, and the one place in history where all of them are asked: the latest.
pub(super) fn batch(wire: v1::BatchQueryIndicatorsRequest) -> Result<(Vec<Question>, Place), Refusal> {
    let v1::BatchQueryIndicatorsRequest { queries } = wire;
    if queries.len() > QUERIES_MAX {
        let description = format!("a batch has at most {QUERIES_MAX} queries");
        return Err(Refusal::Fields(vec![("queries".to_owned(), description)]));
    }
    let mut reader = Reader::default();
    let mut place = Place::default();
    let mut questions = Vec::new();
    for (index, wire) in queries.into_iter().enumerate() {
        let Some((question, asked)) = reader.read(wire, format!("queries[{index}].")) else { continue };
        place.min_revision = place.min_revision.max(asked.min_revision);
        if place.store_id.is_empty() {
            place.store_id = asked.store_id;
        } else if !asked.store_id.is_empty() && asked.store_id != place.store_id {
            reader.refuse(&question.prefix, "store_id", "another query of the batch names another store");
        }
        questions.push(question);
    }
    reader.finish()?;
    Ok((questions, place))
}

/// The indicator of that name.
pub(super) fn definition(wire: v1::GetIndicatorRequest) -> Result<&'static Definition, Refusal> {
    let v1::GetIndicatorRequest { name } = wire;
    let id = id(&name).map_err(|description| Refusal::Fields(vec![("name".to_owned(), description)]))?;
    catalogue::get(id).ok_or_else(|| Refusal::UnknownIndicator(id.to_owned()))
}

/// A page of indicators and the token of the next. The list is part of the program, so a token is no more than the id
/// of the last indicator sent, and holds on any instance.
pub(super) fn page(wire: v1::ListIndicatorsRequest) -> Result<(Vec<&'static Definition>, String), Refusal> {
    let v1::ListIndicatorsRequest { page_size, page_token } = wire;
    let size = match usize::try_from(page_size) {
        Ok(0) => PAGE_SIZE_DEFAULT,
        Ok(size) => size.min(PAGE_SIZE_MAX),
        Err(_) => {
            let violation = ("page_size".to_owned(), "must not be negative".to_owned());
            return Err(Refusal::Fields(vec![violation]));
        }
    };
    let mut all = catalogue::all().to_vec();
    all.sort_by_key(|definition| definition.id);
    let start = if page_token.is_empty() {
        0
    } else {
        let last = all.iter().position(|definition| definition.id == page_token);
        last.ok_or(Refusal::PageToken)? + 1
    };
    let rest = all.split_off(start);
    let page: Vec<_> = rest.iter().copied().take(size).collect();
    let next = page.last().filter(|_| page.len() < rest.len()).map(|last| last.id.to_owned());
    Ok((page, next.unwrap_or_default()))
}

fn id(name: &str) -> Result<&str, String> {
    if name.is_empty() {
        return Err("required".to_owned());
    }
    let id = name.strip_prefix(PREFIX).filter(|id| !id.is_empty());
    id.ok_or_else(|| format!("must be {PREFIX}{{id}}"))
}

/// Collects what is wrong with the queries of a request.
#[derive(Debug, Default)]
struct Reader {
    violations: Violations,
    /// What a request with good fields is refused for.
    refusal: Option<Refusal>,
}

impl Reader {
    fn refuse(&mut self, prefix: &str, field: &str, description: impl Into<String>) {
        self.violations.push((format!("{prefix}{field}"), description.into()));
    }

    fn finish(self) -> Result<(), Refusal> {
        if !self.violations.is_empty() {
            return Err(Refusal::Fields(self.violations));
        }
        self.refusal.map_or(Ok(()), Err)
    }

    /// None only after something was refused.
    fn read(&mut self, wire: v1::QueryIndicatorRequest, prefix: String) -> Option<(Question, Place)> {
        let v1::QueryIndicatorRequest {
            indicator,
            jurisdictions,
            period: wire_period,
            granularity,
            group_by,
            filter,
            parameters,
            origin,
            min_revision,
            store_id,
            as_of,
        } = wire;
        let id = id(&indicator).map(str::to_owned);
        let id = id.map_err(|description| self.refuse(&prefix, "indicator", description)).ok();
        let period_path = format!("{prefix}period");
        let period = wire_period.and_then(|wire| period(&wire, &period_path, &mut self.violations));
        let granularity = self.granularity(&prefix, granularity);
        let origin = self.origin(&prefix, origin);
        let filter = self.filter(&prefix, &filter);
        if min_revision < 0 {
            self.refuse(&prefix, "min_revision", "must not be negative");
        }
        let as_of_revision = self.as_of_revision(as_of);
        let query = Query {
            indicator: id?,
            jurisdictions,
            period,
            granularity,
            group_by,
            filter,
            parameters,
            origin,
            explain: None,
        };
        Some((Question { prefix, query, as_of_revision }, Place { min_revision, store_id }))
    }

    fn granularity(&mut self, prefix: &str, number: i32) -> Option<Granularity> {
        match v1::Granularity::try_from(number) {
            Ok(v1::Granularity::Unspecified) => None,
            Ok(v1::Granularity::Year) => Some(Granularity::Year),
            Ok(v1::Granularity::HalfYear) => Some(Granularity::HalfYear),
            Ok(v1::Granularity::Quarter) => Some(Granularity::Quarter),
            Ok(v1::Granularity::Month) => Some(Granularity::Month),
            Ok(v1::Granularity::Event) => Some(Granularity::Event),
            Err(_) => {
                self.refuse(prefix, "granularity", format!("{number} is not in the list"));
                None
            }
        }
    }

    fn origin(&mut self, prefix: &str, number: i32) -> Option<Origin> {
        match v1::Origin::try_from(number) {
            Ok(v1::Origin::Unspecified) => None,
            Ok(v1::Origin::Counted) => Some(Origin::Counted),
            Ok(v1::Origin::Reported) => Some(Origin::Reported),
            Err(_) => {
                self.refuse(prefix, "origin", format!("{number} is not in the list"));
                None
            }
        }
    }

    fn filter(&mut self, prefix: &str, text: &str) -> Option<DimensionFilter> {
        match DimensionFilter::parse(text) {
            Ok(filter) => filter,
            Err(error) => {
                self.refusal.get_or_insert(Refusal::Filter { path: format!("{prefix}filter"), error });
                None
            }
        }
    }

    fn as_of_revision(&mut self, as_of: Option<AsOf>) -> Option<i64> {
        match as_of? {
            AsOf::AsOfRevision(revision) => Some(revision),
            AsOf::AsOfTime(_) => {
                self.refusal.get_or_insert(Refusal::NotYet("an answer as of a time"));
                None
            }
        }
    }
}
