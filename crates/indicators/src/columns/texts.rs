//! The dictionaries: every value of a dimension, and every set of sources, once.

use std::sync::Arc;

use hashbrown::HashMap;
use reform_model::Name;
use reform_model::record::Citation;

use super::chunked::List;

/// What appeals are broken down by, in the order of a class.
pub(crate) const DIMENSIONS: [&str; 7] =
    ["institution", "channel", "subject", "outcome", "region", "type", "applicant_kind"];
/// Which code is that of the outcome.
const OUTCOME: usize = 4;

/// Codes of a class.
pub(super) const CODES: usize = 2 + DIMENSIONS.len();
/// Those that are of texts.
pub(super) const TEXTS: usize = 1 + DIMENSIONS.len();
const SOURCES: usize = TEXTS;

/// What a question may tell of an appeal, as codes: the jurisdiction, [`DIMENSIONS`], the set of sources cited. 0 is
/// nothing.
pub(crate) type Class = [u32; CODES];

/// Whether the class has an outcome.
pub(super) fn has_outcome(class: &Class) -> bool {
    class[OUTCOME] != 0
}

/// What a question tells apart: [`DIMENSIONS`] by bit, beside the jurisdiction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Mask(u8);

impl Mask {
    /// The dimensions of these names; others are passed over.
    pub(crate) fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let places = names.into_iter().filter_map(|name| DIMENSIONS.iter().position(|own| *own == name));
        Self(places.fold(0, |mask, place| mask | 1 << place))
    }

    /// The outcome beside these.
    pub(super) fn with_outcome(self) -> Self {
        Self(self.0 | 1 << (OUTCOME - 1))
    }

    /// The codes that it leaves.
    pub(super) fn columns(self) -> impl Iterator<Item = usize> {
        let dimensions = (0..DIMENSIONS.len()).filter(move |place| self.0 & (1 << place) != 0);
        dimensions.map(|place| 1 + place).chain([0, SOURCES])
    }

    /// The class with everything else left open.
    pub(super) fn apply(self, class: &Class) -> Class {
        let mut left = Class::default();
        self.columns().for_each(|column| left[column] = class[column]);
        left
    }
}

/// All values that ever were, numbered as they came. It only grows.
#[derive(Debug, Clone)]
pub(crate) struct Texts {
    /// By place in a class; the first of each is empty.
    texts: [List<Arc<str>>; TEXTS],
    /// The first is empty.
    sources: List<Arc<[Name]>>,
    /// Length of all texts.
    text_bytes: usize,
}

/// The codes, found by what they stand for.
#[derive(Debug, Default)]
pub(crate) struct Codes {
    texts: [HashMap<Arc<str>, u32>; TEXTS],
    sources: HashMap<Arc<[Name]>, u32>,
}

impl Default for Texts {
    fn default() -> Self {
        let mut empty = Self { texts: Default::default(), sources: List::default(), text_bytes: 0 };
        empty.texts.iter_mut().for_each(|texts| texts.push("".into()));
        empty.sources.push([].into());
        empty
    }
}

impl Texts {
    /// Number of all values.
    pub(crate) fn len(&self) -> usize {
        self.texts.iter().map(List::len).sum::<usize>() + self.sources.len()
    }

    /// The number of codes at each place of a class.
    pub(super) fn ends(&self) -> Class {
        let mut ends = [count(self.sources.len()); CODES];
        ends.iter_mut().zip(&self.texts).for_each(|(end, texts)| *end = count(texts.len()));
        ends
    }

    pub(crate) fn jurisdiction(&self, class: &Class) -> &str {
        self.text(0, class)
    }

    /// The value of a dimension; none where it has no value.
    pub(crate) fn dimension(&self, class: &Class, name: &str) -> Option<&str> {
        let place = 1 + DIMENSIONS.iter().position(|own| *own == name)?;
        (class[place] != 0).then(|| self.text(place, class))
    }

    /// The sources cited, sorted.
    pub(crate) fn sources(&self, class: &Class) -> &[Name] {
        self.sources.get(class[SOURCES]).map_or(&[], |sources| &**sources)
    }

    /// All texts of a class.
    pub(super) fn texts_of(&self, class: &Class) -> [&str; TEXTS] {
        std::array::from_fn(|place| self.text(place, class))
    }

    fn text(&self, place: usize, class: &Class) -> &str {
        self.texts[place].get(class[place]).map_or("", |text| &**text)
    }

    /// The class that these texts and sources are, any of which may be new.
    pub(crate) fn class(
        self: &mut Arc<Self>,
        codes: &mut Codes,
        texts: [&str; TEXTS],
        citations: &[Citation],
    ) -> Class {
        let mut class = Class::default();
        for (place, text) in texts.into_iter().enumerate() {
            class[place] = self.code_of_text(codes, place, text);
        }
        class[SOURCES] = self.code_of_sources(codes, citations);
        class
    }

    fn code_of_text(self: &mut Arc<Self>, codes: &mut Codes, place: usize, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        if let Some(known) = codes.texts[place].get(text) {
            return *known;
        }
        let (code, text) = (count(self.texts[place].len()), Arc::<str>::from(text));
        Arc::make_mut(self).add_text(place, text.clone());
        codes.texts[place].insert(text, code);
        code
    }

    fn code_of_sources(self: &mut Arc<Self>, codes: &mut Codes, citations: &[Citation]) -> u32 {
        if citations.is_empty() {
            return 0;
        }
        let mut names: Vec<Name> = citations.iter().map(|citation| citation.source.clone()).collect();
        names.sort_unstable();
        names.dedup();
        if let Some(known) = codes.sources.get(&*names) {
            return *known;
        }
        let (code, names) = (count(self.sources.len()), Arc::<[Name]>::from(names));
        Arc::make_mut(self).sources.push(names.clone());
        codes.sources.insert(names, code);
        code
    }

    /// All texts of a place but the first, which is always there.
    pub(super) fn texts(&self, place: usize) -> impl Iterator<Item = &str> {
        self.texts[place].iter().skip(1).map(|text| &**text)
    }

    /// All sets of sources but the first, which is always there.
    pub(super) fn sets(&self) -> impl Iterator<Item = &[Name]> {
        self.sources.iter().skip(1).map(|names| &**names)
    }

    pub(super) fn add_text(&mut self, place: usize, text: Arc<str>) {
        self.text_bytes += text.len();
        self.texts[place].push(text);
    }

    pub(super) fn add_sources(&mut self, names: Vec<Name>) {
        self.sources.push(names.into());
    }

    /// The codes again, for texts that were read from elsewhere.
    pub(crate) fn codes(&self) -> Codes {
        let mut codes = Codes::default();
        for (codes, texts) in codes.texts.iter_mut().zip(&self.texts) {
            codes.extend(texts.iter().cloned().zip(0..).skip(1));
        }
        codes.sources.extend(self.sources.iter().cloned().zip(0..).skip(1));
        codes
    }

    pub(crate) fn bytes(&self) -> usize {
        let names: usize = self.sources.iter().map(|names| size_of_val(&**names)).sum();
        let texts: usize = self.texts.iter().map(List::len).sum();
        let sources = self.sources.len() * size_of::<Arc<[Name]>>() + names;
        texts * size_of::<Arc<str>>() + self.text_bytes + sources
    }
}

impl Codes {
    pub(crate) fn bytes(&self) -> usize {
        let texts: usize = self.texts.iter().map(HashMap::allocation_size).sum();
        texts + self.sources.allocation_size()
    }
}

/// As a number of what only grows.
fn count(len: usize) -> u32 {
    u32::try_from(len).expect("fewer than 2^32 texts fit into memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_leaves_only_what_is_asked_for() {
        let class = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        assert_eq!(Mask::default().apply(&class), [1, 0, 0, 0, 0, 0, 0, 0, 9]);
        assert_eq!(Mask::of(["outcome", "institution", "x"]).apply(&class), [1, 2, 0, 0, 5, 0, 0, 0, 9]);
    }
}
