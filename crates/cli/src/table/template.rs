//! A record with holes that rows fill. Every path and type is checked against the contract when it is put together.

mod fill;

use std::collections::BTreeMap;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, Value};

use super::cell::{Cell, Number};
use super::mistakes::list;
use super::typed::Shape;

pub(crate) use fill::{CellProblem, Cells};

/// The most elements of a list that a map writes out.
const ELEMENTS_MAX: usize = 100;
const QUANTITY: &str = "reform.data.v1.Quantity";

/// A message whose fields come from constants and cells.
#[derive(Debug)]
pub(crate) struct Template {
    message: MessageDescriptor,
    parts: Vec<(FieldDescriptor, Part)>,
}

/// What fills one field.
#[derive(Debug)]
enum Part {
    One(Element),
    List(BTreeMap<usize, Element>),
    Entries(Vec<(String, Leaf)>),
    /// One element for each row of a record.
    Rows(Template),
}

/// A value or a message.
#[derive(Debug)]
enum Element {
    Leaf(Leaf),
    Message(Template),
}

/// One value.
#[derive(Debug)]
struct Leaf {
    /// The field, as problems name it.
    path: String,
    source: Source,
}

/// A constant is read once, a cell with each row.
#[derive(Debug)]
enum Source {
    Fixed(Value),
    Read(Box<Cell>, Shape),
}

/// Where a value comes from, in the words of the map.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    /// The same text for every record.
    Constant(String),
    /// A cell of the row.
    Cell(Box<Cell>),
}

impl Template {
    /// A message without any field.
    pub(crate) fn new(message: MessageDescriptor) -> Self {
        Self { message, parts: Vec::new() }
    }

    /// Puts a value at a path below this message; `whole` is the path from the record, for problems.
    pub(crate) fn put(&mut self, path: &str, whole: &str, origin: &Origin) -> Result<(), String> {
        let (name, index, rest) = first(path)?;
        let field = self.field(name)?;
        if field.is_map() {
            return self.put_entry(field, rest, whole, origin);
        }
        match (field.is_list(), index) {
            (true, None) => return Err(format!("{name} is a list and needs an index, such as {name}[0]")),
            (false, Some(_)) => return Err(format!("{name} is no list")),
            (true, Some(index)) if index >= ELEMENTS_MAX => {
                return Err(format!("a map writes at most {ELEMENTS_MAX} elements of a list"));
            }
            (true, Some(_)) | (false, None) => {}
        }
        let Some(rest) = rest else { return self.put_leaf(field, index, whole, origin) };
        let Kind::Message(message) = field.kind() else { return Err(format!("{name} has no fields")) };
        match self.slot(&field, index, || Element::Message(Self::new(message)))? {
            Element::Message(template) => template.put(rest, whole, origin),
            Element::Leaf(_) => Err(format!("{name} is already given as a whole")),
        }
    }

    /// Makes sure that a record has its body, whatever fills it.
    pub(crate) fn put_body(&mut self, kind: &str) -> Result<(), String> {
        let field = self.field(kind)?;
        let Kind::Message(message) = field.kind() else { return Err(format!("{kind} has no fields")) };
        self.slot(&field, None, || Element::Message(Self::new(message))).map(drop)
    }

    /// Makes a list of messages grow by one element with each row, and returns the template of an element.
    pub(crate) fn rows(&mut self, path: &str) -> Result<&mut Self, String> {
        let (name, index, rest) = first(path)?;
        let field = self.field(name)?;
        let Kind::Message(message) = field.kind() else { return Err(format!("{name} has no fields")) };
        match rest {
            None if field.is_list() && !field.is_map() && index.is_none() => {
                if self.part(&field).is_some() {
                    return Err(format!("{name} is already filled by [fields]"));
                }
                self.parts.push((field, Part::Rows(Self::new(message))));
                let Some((_, Part::Rows(template))) = self.parts.last_mut() else {
                    return Err(format!("{name} is already filled"));
                };
                Ok(template)
            }
            None => Err(format!("{name} is no list of messages, or has an index")),
            Some(rest) if field.is_list() == index.is_some() && !field.is_map() => {
                match self.slot(&field, index, || Element::Message(Self::new(message)))? {
                    Element::Message(template) => template.rows(rest),
                    Element::Leaf(_) => Err(format!("{name} is already given as a whole")),
                }
            }
            Some(_) => Err(format!("{name} needs an index if it is a list, and only then")),
        }
    }

    fn put_entry(
        &mut self,
        field: FieldDescriptor,
        key: Option<&str>,
        whole: &str,
        origin: &Origin,
    ) -> Result<(), String> {
        let name = field.name();
        let key = key.ok_or_else(|| format!("{name} is a map and needs a key, such as {name}.key"))?;
        let Kind::Message(entry) = field.kind() else { return Err(format!("{name} is no map")) };
        let leaf = Leaf::new(&entry.map_entry_value_field(), whole, origin)?;
        match self.part(&field) {
            None => self.parts.push((field, Part::Entries(vec![(key.to_owned(), leaf)]))),
            Some(Part::Entries(entries)) if entries.iter().all(|(known, _)| known != key) => {
                entries.push((key.to_owned(), leaf));
            }
            Some(_) => return Err("is given twice".to_owned()),
        }
        Ok(())
    }

    fn put_leaf(
        &mut self,
        field: FieldDescriptor,
        index: Option<usize>,
        whole: &str,
        origin: &Origin,
    ) -> Result<(), String> {
        // A quantity in one cell is its number; the words around it are fields of their own.
        if let Kind::Message(message) = field.kind()
            && message.full_name() == QUANTITY
        {
            return match self.slot(&field, index, || Element::Message(Self::new(message)))? {
                Element::Message(quantity) => quantity.put("decimal", &format!("{whole}.decimal"), origin),
                Element::Leaf(_) => Err("is given twice".to_owned()),
            };
        }
        let leaf = Leaf::new(&field, whole, origin)?;
        let mut leaf = Some(leaf);
        self.slot(&field, index, || Element::Leaf(leaf.take().expect("a slot is made once")))?;
        if leaf.is_some() { Err("is given twice".to_owned()) } else { Ok(()) }
    }

    fn field(&self, name: &str) -> Result<FieldDescriptor, String> {
        self.message.get_field_by_name(name).ok_or_else(|| {
            let fields: Vec<_> = self.message.fields().map(|field| field.name().to_owned()).collect();
            let known = list(fields.iter().map(String::as_str));
            format!("{} has no field {name}; it has {known}", self.message.name())
        })
    }

    fn part(&mut self, field: &FieldDescriptor) -> Option<&mut Part> {
        self.parts.iter_mut().find(|(known, _)| known == field).map(|(_, part)| part)
    }

    /// The element at a field and index, made where it is not there.
    fn slot(
        &mut self,
        field: &FieldDescriptor,
        index: Option<usize>,
        make: impl FnOnce() -> Element,
    ) -> Result<&mut Element, String> {
        match (self.parts.iter().position(|(known, _)| known == field), index) {
            (None, None) => self.parts.push((field.clone(), Part::One(make()))),
            (None, Some(index)) => {
                self.parts.push((field.clone(), Part::List(BTreeMap::from([(index, make())]))));
            }
            (Some(at), Some(index)) => {
                if let Part::List(elements) = &mut self.parts[at].1 {
                    elements.entry(index).or_insert_with(make);
                }
            }
            (Some(_), None) => {}
        }
        let element = match (self.part(field), index) {
            (Some(Part::One(element)), None) => Some(element),
            (Some(Part::List(elements)), Some(index)) => elements.get_mut(&index),
            (Some(Part::One(_) | Part::List(_) | Part::Entries(_) | Part::Rows(_)) | None, _) => None,
        };
        element.ok_or_else(|| "is filled in two ways".to_owned())
    }

    /// What can only be seen when every path is in: lists with holes.
    pub(crate) fn check(&self) -> Result<(), String> {
        for (field, part) in &self.parts {
            if let Part::List(elements) = part
                && elements.keys().copied().ne(0..elements.len())
            {
                return Err(format!("the indices of {} do not run from 0 without a gap", field.name()));
            }
        }
        self.parts.iter().flat_map(|(_, part)| part.templates()).try_for_each(Self::check)
    }

    /// A quantity whose map says nothing of its bound is the number itself.
    pub(crate) fn complete(&mut self) -> Result<(), String> {
        let stated = self.parts.iter().any(|(field, _)| field.name() == "comparator");
        if self.message.full_name() == QUANTITY && !stated {
            self.put("comparator", "comparator", &Origin::Constant("EXACT".to_owned()))?;
        }
        self.parts.iter_mut().flat_map(|(_, part)| part.templates_mut()).try_for_each(Self::complete)
    }

    /// Visits every value.
    fn leaves<'t>(&'t self, visit: &mut dyn FnMut(&'t Leaf)) {
        for (_, part) in &self.parts {
            match part {
                Part::One(Element::Leaf(leaf)) => visit(leaf),
                Part::List(elements) => elements.values().filter_map(Element::leaf).for_each(&mut *visit),
                Part::Entries(entries) => entries.iter().map(|(_, leaf)| leaf).for_each(&mut *visit),
                Part::One(Element::Message(_)) | Part::Rows(_) => {}
            }
            part.templates().into_iter().for_each(|template| template.leaves(visit));
        }
    }

    /// Whether any cell fills this message.
    fn reads(&self) -> bool {
        let mut reads = self.parts.iter().any(|(_, part)| matches!(part, Part::Rows(_)));
        self.leaves(&mut |leaf| reads |= matches!(leaf.source, Source::Read(..)));
        reads
    }

    /// The columns by the path of the field that they fill; elements that come with rows have the index `*`.
    pub(crate) fn columns(&self) -> Vec<(&str, usize)> {
        let mut found = Vec::new();
        self.leaves(&mut |leaf| {
            if let Source::Read(cell, _) = &leaf.source {
                found.push((leaf.path.as_str(), cell.column));
            }
        });
        found
    }
}

impl Part {
    fn templates(&self) -> Vec<&Template> {
        match self {
            Self::One(element) => element.template().into_iter().collect(),
            Self::List(elements) => elements.values().filter_map(Element::template).collect(),
            Self::Rows(template) => vec![template],
            Self::Entries(_) => Vec::new(),
        }
    }

    fn templates_mut(&mut self) -> Vec<&mut Template> {
        match self {
            Self::One(element) => element.template_mut().into_iter().collect(),
            Self::List(elements) => elements.values_mut().filter_map(Element::template_mut).collect(),
            Self::Rows(template) => vec![template],
            Self::Entries(_) => Vec::new(),
        }
    }
}

impl Element {
    fn leaf(&self) -> Option<&Leaf> {
        match self {
            Self::Leaf(leaf) => Some(leaf),
            Self::Message(_) => None,
        }
    }

    fn template(&self) -> Option<&Template> {
        match self {
            Self::Message(template) => Some(template),
            Self::Leaf(_) => None,
        }
    }

    fn template_mut(&mut self) -> Option<&mut Template> {
        match self {
            Self::Message(template) => Some(template),
            Self::Leaf(_) => None,
        }
    }
}

impl Leaf {
    fn new(field: &FieldDescriptor, path: &str, origin: &Origin) -> Result<Self, String> {
        let shape = Shape::of(field)
            .ok_or_else(|| format!("{} is a message; name one of its fields", field.name()))?;
        let source = match origin {
            Origin::Constant(text) => Source::Fixed(shape.value(text, &[], &Number::default())?),
            Origin::Cell(cell) => {
                let read = |text: &str| shape.value(&cell.dress(text)?, &cell.dates, &cell.number).map(drop);
                for meant in cell.meant() {
                    read(meant)?;
                }
                Source::Read(cell.clone(), shape)
            }
        };
        Ok(Self { path: path.to_owned(), source })
    }
}

/// The first segment of a path, its index, and what follows.
fn first(path: &str) -> Result<(&str, Option<usize>, Option<&str>), String> {
    let (segment, rest) = path.split_once('.').map_or((path, None), |(segment, rest)| (segment, Some(rest)));
    match segment.split_once('[') {
        None => Ok((segment, None, rest)),
        Some((name, index)) => {
            let index = index.strip_suffix(']').and_then(|index| index.parse().ok());
            let index = index
                .ok_or_else(|| format!("{segment} is no name, nor a name with an index such as name[0]"))?;
            Ok((name, Some(index), rest))
        }
    }
}
