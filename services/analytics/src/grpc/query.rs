//! What a request asks, or everything that is wrong with it.

use prost::Message;
use reform_api::analytics::v1;
use reform_api::analytics::v1::query_indicator_request::AsOf as Point;
use reform_chart::Size;
use reform_indicators::answer::Labels;
use reform_indicators::catalogue::{self, Definition};
use reform_indicators::filter::DimensionFilter;
use reform_indicators::query::{Origin, Query};
use reform_indicators::span::Granularity;
use reform_model::Name;
use reform_model::date::{Date, Day, Period};

use super::page::{self, Page};
use super::period::{Violations, date, period};
use crate::answers::{AsOf, Place, Question};
use crate::compare::Two;
use crate::refusal::Refusal;

/// Queries of one batch.
const QUERIES_MAX: usize = 100;

const PREFIX: &str = "indicators/";

/// One query, and where in history it is asked.
pub(super) fn one(wire: v1::QueryIndicatorRequest) -> Result<(Question, Place), Refusal> {
    let mut reader = Reader::default();
    let read = reader.read(wire, String::new());
    reader.finish()?;
    read.ok_or(Refusal::Internal)
}

/// A query whose answer is followed: at the newest revision, which there is only one of.
pub(super) fn watched(wire: v1::WatchIndicatorRequest) -> Result<(Question, Place), Refusal> {
    let mut reader = Reader::default();
    let v1::WatchIndicatorRequest { query } = wire;
    let Some(query) = query else {
        reader.refuse("", "query", "required");
        return Err(reader.finish().err().unwrap_or(Refusal::Internal));
    };
    let read = reader.read(query, "query.".to_owned());
    if let Some((_, Place { as_of: as_of @ Some(_), .. })) = &read {
        let why = "the past does not change: a watch is of the newest revision";
        reader.refuse("query.", as_of_field(*as_of), why);
    }
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
        if questions.is_empty() {
            place.as_of = asked.as_of;
        } else if asked.as_of != place.as_of {
            let field = as_of_field(asked.as_of.or(place.as_of));
            reader.refuse(
                &question.prefix,
                field,
                "another query of the batch asks for another point in history",
            );
        }
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

/// One point to explain.
pub(super) struct PointAsked {
    pub(super) question: Question,
    pub(super) labels: Labels,
    pub(super) period: Period,
    pub(super) label: String,
}

/// A point to explain, where in history, and which page of it.
pub(super) fn point(wire: v1::ExplainPointRequest) -> Result<(PointAsked, Place, Page), Refusal> {
    let mut reader = Reader::default();
    let (page_size, page_token) = (wire.page_size, wire.page_token.clone());
    let unpaged = v1::ExplainPointRequest { page_size: 0, page_token: String::new(), ..wire };
    let page = reader.page(&unpaged, page_size, &page_token);
    let v1::ExplainPointRequest { query, labels, period: over, page_size: _, page_token: _, label } = unpaged;
    if query.is_none() {
        reader.refuse("", "query", "required");
    }
    if over.is_none() {
        reader.refuse("", "period", "required");
    }
    let read = query.and_then(|query| reader.read(query, "query.".to_owned()));
    let over = over.and_then(|wire| period(&wire, "period", &mut reader.violations));
    reader.finish()?;
    let ((question, place), period) = read.zip(over).ok_or(Refusal::Internal)?;
    let asked = PointAsked { question, labels, period, label };
    Ok((asked, place, page.ok_or(Refusal::Internal)?))
}

/// A picture of one answer.
pub(super) struct PictureAsked {
    pub(super) question: Question,
    /// The filter of the query as it was given.
    pub(super) filter: String,
    pub(super) format: Format,
    pub(super) size: Size,
}

/// A format of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Svg,
    Png,
}

/// What to draw, where in history, and how.
pub(super) fn picture(wire: v1::RenderChartRequest) -> Result<(PictureAsked, Place), Refusal> {
    let mut reader = Reader::default();
    let v1::RenderChartRequest { query, format, width_px, height_px } = wire;
    if query.is_none() {
        reader.refuse("", "query", "required");
    }
    let filter = query.as_ref().map(|query| query.filter.clone()).unwrap_or_default();
    let read = query.and_then(|query| reader.read(query, "query.".to_owned()));
    let format = match v1::render_chart_request::Format::try_from(format) {
        Ok(v1::render_chart_request::Format::Unspecified | v1::render_chart_request::Format::Svg) => {
            Format::Svg
        }
        Ok(v1::render_chart_request::Format::Png) => Format::Png,
        Err(_) => {
            reader.refuse("", "format", format!("{format} is not in the list"));
            Format::Svg
        }
    };
    let side = |asked: i32, default: u16| if asked == 0 { i64::from(default) } else { i64::from(asked) };
    let (width, height) = (side(width_px, Size::DEFAULT.width()), side(height_px, Size::DEFAULT.height()));
    let size = Size::new(width, height).map_err(|error| {
        let sides = [(error.width, "width_px"), (error.height, "height_px")];
        for (_, field) in sides.into_iter().filter(|(wrong, _)| *wrong) {
            reader.refuse("", field, error.to_string());
        }
    });
    reader.finish()?;
    let ((question, place), size) = read.zip(size.ok()).ok_or(Refusal::Internal)?;
    Ok((PictureAsked { question, filter, format, size }, place))
}

/// What to compare, between which revisions, and which page of it.
pub(super) fn comparison(
    wire: v1::CompareRevisionsRequest,
) -> Result<(Question, Two<i64>, Place, Page), Refusal> {
    let mut reader = Reader::default();
    let (page_size, page_token) = (wire.page_size, wire.page_token.clone());
    let unpaged = v1::CompareRevisionsRequest { page_size: 0, page_token: String::new(), ..wire };
    let page = reader.page(&unpaged, page_size, &page_token);
    let v1::CompareRevisionsRequest { query, from_revision, to_revision, page_size: _, page_token: _ } =
        unpaged;
    if query.is_none() {
        reader.refuse("", "query", "required");
    }
    for (field, revision) in [("from_revision", from_revision), ("to_revision", to_revision)] {
        if revision < 0 {
            reader.refuse("", field, "must not be negative");
        }
    }
    if from_revision > to_revision {
        reader.refuse("", "from_revision", "must not be after to_revision");
    }
    let anywhere = query.map(|query| v1::QueryIndicatorRequest { as_of: None, ..query });
    let read = anywhere.and_then(|query| reader.read(query, "query.".to_owned()));
    reader.finish()?;
    let (question, place) = read.ok_or(Refusal::Internal)?;
    let revisions = Two { before: from_revision, after: to_revision };
    Ok((question, revisions, place, page.ok_or(Refusal::Internal)?))
}

/// Whose conflicts, of which variable, and which page of them.
pub(super) fn conflicts(
    wire: v1::ListConflictsRequest,
) -> Result<(Vec<String>, Option<Name>, Page), Refusal> {
    let mut reader = Reader::default();
    let (page_size, page_token) = (wire.page_size, wire.page_token.clone());
    let unpaged = v1::ListConflictsRequest { page_size: 0, page_token: String::new(), ..wire };
    let page = reader.page(&unpaged, page_size, &page_token);
    let v1::ListConflictsRequest { jurisdictions, variable, page_size: _, page_token: _ } = unpaged;
    let variable = (!variable.is_empty()).then(|| reader.name("variable", &variable)).flatten();
    reader.finish()?;
    Ok((jurisdictions, variable, page.ok_or(Refusal::Internal)?))
}

/// A legal parameter, where, and on which day.
pub(super) fn parameter(wire: v1::GetParameterRequest) -> Result<(Name, String, Option<Day>), Refusal> {
    let mut reader = Reader::default();
    let v1::GetParameterRequest { parameter, jurisdiction, valid_at } = wire;
    let name = reader.name("parameter", &parameter);
    let asked = valid_at.is_some();
    let on = valid_at.and_then(|wire| date(&wire, "valid_at", &mut reader.violations));
    let day = on.and_then(Date::day);
    if asked && day.is_none() && reader.violations.is_empty() {
        reader.refuse("", "valid_at", "must be one day");
    }
    reader.finish()?;
    Ok((name.ok_or(Refusal::Internal)?, jurisdiction, day))
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
    let size = page::size(page_size).map_err(|violation| Refusal::Fields(vec![violation]))?;
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

    /// The page of a request that is given without its page fields; none after a violation was added.
    fn page(&mut self, unpaged: &impl Message, page_size: i32, page_token: &str) -> Option<Page> {
        let page = Page::new(unpaged, page_size, page_token);
        page.map_err(|violation| self.violations.push(violation)).ok()
    }

    /// The record of that name; none after a violation was added.
    fn name(&mut self, field: &str, text: &str) -> Option<Name> {
        if text.is_empty() {
            self.refuse("", field, "required");
            return None;
        }
        Name::parse(text).map_err(|error| self.refuse("", field, error.to_string())).ok()
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
        let as_of = self.as_of(&prefix, as_of);
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
        Some((Question { prefix, query }, Place { min_revision, store_id, as_of }))
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

    fn as_of(&mut self, prefix: &str, as_of: Option<Point>) -> Option<AsOf> {
        match as_of? {
            Point::AsOfRevision(revision) if revision < 0 => {
                self.refuse(prefix, "as_of_revision", "must not be negative");
                None
            }
            Point::AsOfRevision(revision) => Some(AsOf::Revision(revision)),
            Point::AsOfTime(time) => Some(AsOf::Time(time)),
        }
    }
}

/// The field that says so.
fn as_of_field(as_of: Option<AsOf>) -> &'static str {
    match as_of {
        None | Some(AsOf::Revision(_)) => "as_of_revision",
        Some(AsOf::Time(_)) => "as_of_time",
    }
}
