//! The dictionary: what appeals share, each combination once.

use std::sync::Arc;

use hashbrown::HashMap;
use reform_model::participation::Appeal;
use reform_model::{Name, Record};

use super::chunked::List;

/// What appeals are broken down by, in the order of a class.
pub(crate) const DIMENSIONS: [&str; 7] =
    ["institution", "channel", "subject", "outcome", "region", "type", "applicant_kind"];
/// Which of [`DIMENSIONS`] is the outcome.
pub(crate) const OUTCOME: usize = 3;

/// Numbers of texts: the jurisdiction and the dimensions; then the number of the set of sources cited.
pub(crate) type Class = [u32; 9];
const SOURCES: usize = 8;

/// What a question tells apart: [`DIMENSIONS`] by bit, beside the jurisdiction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Mask(u8);

impl Mask {
    /// The dimensions of these names; others are passed over.
    pub(crate) fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let places = names.into_iter().filter_map(|name| DIMENSIONS.iter().position(|own| *own == name));
        Self(places.fold(0, |mask, place| mask | 1 << place))
    }

    /// The class with everything else left open.
    pub(crate) fn apply(self, mut class: Class) -> Class {
        for (place, text) in class[1..SOURCES].iter_mut().enumerate() {
            if self.0 & (1 << place) == 0 {
                *text = 0;
            }
        }
        class
    }
}

/// All classes that ever were, numbered as they came. It only grows.
#[derive(Debug, Clone)]
pub(crate) struct Classes {
    /// The first is empty.
    texts: List<Arc<str>>,
    /// The first is empty.
    sources: List<Arc<[Name]>>,
    classes: List<Class>,
    /// Length of all texts.
    text_bytes: usize,
}

/// The numbers, found by what they stand for.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    texts: HashMap<Arc<str>, u32>,
    sources: HashMap<Arc<[Name]>, u32>,
    /// By all texts and sources, one after the other.
    classes: HashMap<Box<[u8]>, u32>,
    /// Of the classes.
    key_bytes: usize,
    /// What is looked for; kept for its memory.
    key: Vec<u8>,
}

impl Default for Classes {
    fn default() -> Self {
        let mut empty = Self {
            texts: List::default(),
            sources: List::default(),
            classes: List::default(),
            text_bytes: 0,
        };
        empty.texts.push("".into());
        empty.sources.push([].into());
        empty
    }
}

/// What makes the class of a record, by reference.
struct Parts<'a> {
    texts: [&'a str; 8],
    /// Sorted, each once.
    sources: Vec<&'a Name>,
}

impl<'a> Parts<'a> {
    fn of(record: &'a Record, appeal: &'a Appeal) -> Self {
        let institution = appeal.institution.as_ref().map_or("", Name::as_str);
        let texts = [
            &record.jurisdiction,
            institution,
            &appeal.channel,
            &appeal.subject,
            &appeal.outcome,
            &appeal.region,
            &appeal.appeal_type,
            &appeal.applicant_kind,
        ];
        let mut sources: Vec<&Name> = record.citations.iter().map(|citation| &citation.source).collect();
        sources.sort_unstable();
        sources.dedup();
        Self { texts, sources }
    }

    /// One text after the other; what stands between them is in no text.
    fn write(&self, key: &mut Vec<u8>) {
        key.clear();
        for text in self.texts.iter().copied().chain(self.sources.iter().map(|name| name.as_str())) {
            key.extend_from_slice(text.as_bytes());
            key.push(0xff);
        }
    }
}

impl Classes {
    pub(crate) fn len(&self) -> usize {
        self.classes.len()
    }

    pub(crate) fn get(&self, class: u32) -> Class {
        self.classes.get(class).copied().unwrap_or_default()
    }

    pub(crate) fn jurisdiction(&self, class: u32) -> &str {
        self.text(self.get(class)[0])
    }

    /// The value of a dimension; none where it has no value.
    pub(crate) fn dimension(&self, class: u32, place: usize) -> Option<&str> {
        let text = self.get(class)[1..SOURCES].get(place).copied().unwrap_or_default();
        (text != 0).then(|| self.text(text))
    }

    pub(crate) fn has_outcome(&self, class: u32) -> bool {
        self.get(class)[1 + OUTCOME] != 0
    }

    /// The sources cited, sorted.
    pub(crate) fn sources(&self, class: u32) -> &[Name] {
        self.sources.get(self.get(class)[SOURCES]).map_or(&[], |sources| &**sources)
    }

    fn text(&self, number: u32) -> &str {
        self.texts.get(number).map_or("", |text| &**text)
    }

    /// The number of the class of a record, which may be a new one; whether it is.
    pub(crate) fn number(&mut self, numbers: &mut Numbers, record: &Record, appeal: &Appeal) -> (u32, bool) {
        let parts = Parts::of(record, appeal);
        parts.write(&mut numbers.key);
        if let Some(known) = numbers.classes.get(&*numbers.key) {
            return (*known, false);
        }
        let mut class = Class::default();
        for (place, text) in parts.texts.iter().enumerate() {
            class[place] = self.number_of_text(numbers, text);
        }
        class[SOURCES] = self.number_of_sources(numbers, &parts.sources);
        let number = count(self.classes.len());
        self.classes.push(class);
        numbers.add_class(number);
        (number, true)
    }

    fn number_of_text(&mut self, numbers: &mut Numbers, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        if let Some(known) = numbers.texts.get(text) {
            return *known;
        }
        let (number, text) = (count(self.texts.len()), Arc::<str>::from(text));
        self.add_text(text.clone());
        numbers.texts.insert(text, number);
        number
    }

    fn number_of_sources(&mut self, numbers: &mut Numbers, names: &[&Name]) -> u32 {
        if names.is_empty() {
            return 0;
        }
        let names: Arc<[Name]> = names.iter().copied().cloned().collect();
        if let Some(known) = numbers.sources.get(&names) {
            return *known;
        }
        let number = count(self.sources.len());
        self.sources.push(names.clone());
        numbers.sources.insert(names, number);
        number
    }

    /// All texts but the first, which is always there.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().skip(1).map(|text| &**text)
    }

    /// All sets of sources but the first, which is always there.
    pub(super) fn sets(&self) -> impl Iterator<Item = &[Name]> {
        self.sources.iter().skip(1).map(|names| &**names)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Class> {
        self.classes.iter()
    }

    pub(super) fn add_text(&mut self, text: Arc<str>) {
        self.text_bytes += text.len();
        self.texts.push(text);
    }

    pub(super) fn add_sources(&mut self, names: Vec<Name>) {
        self.sources.push(names.into());
    }

    pub(super) fn add_class(&mut self, class: Class) {
        self.classes.push(class);
    }

    /// The numbers again, for classes that were read from elsewhere.
    pub(crate) fn numbers(&self) -> Numbers {
        let mut numbers = Numbers::default();
        numbers.texts.extend(self.texts.iter().cloned().zip(0..).skip(1));
        numbers.sources.extend(self.sources.iter().cloned().zip(0..).skip(1));
        for (number, class) in (0..).zip(self.classes.iter()) {
            let mut texts = [""; 8];
            texts.iter_mut().zip(class).for_each(|(text, number)| *text = self.text(*number));
            Parts { texts, sources: self.sources(number).iter().collect() }.write(&mut numbers.key);
            numbers.add_class(number);
        }
        numbers
    }

    pub(crate) fn bytes(&self) -> usize {
        let names: usize = self.sources.iter().map(|names| size_of_val(&**names)).sum();
        let texts = self.texts.len() * size_of::<Arc<str>>() + self.text_bytes;
        let sources = self.sources.len() * size_of::<Arc<[Name]>>() + names;
        texts + sources + self.classes.len() * size_of::<Class>()
    }
}

impl Numbers {
    /// Takes in the class of the key.
    fn add_class(&mut self, number: u32) {
        self.key_bytes += self.key.len();
        self.classes.insert(self.key.as_slice().into(), number);
    }

    pub(crate) fn bytes(&self) -> usize {
        let tables =
            [self.texts.allocation_size(), self.sources.allocation_size(), self.classes.allocation_size()];
        tables.into_iter().sum::<usize>() + self.key_bytes
    }
}

/// As a number of what only grows.
fn count(len: usize) -> u32 {
    u32::try_from(len).expect("fewer than 2^32 classes fit into memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_leaves_only_what_is_asked_for() {
        let class = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        assert_eq!(Mask::default().apply(class), [1, 0, 0, 0, 0, 0, 0, 0, 9]);
        assert_eq!(Mask::of(["outcome", "institution", "x"]).apply(class), [1, 2, 0, 0, 5, 0, 0, 0, 9]);
    }
}
