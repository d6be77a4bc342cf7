//! From the text of a cell to the text of a field.

use std::collections::HashMap;

/// How the value of a field is found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    /// Index of the column among those that the map names.
    pub(crate) column: usize,
    /// Texts of the file and what they stand for.
    pub(crate) values: Option<HashMap<String, String>>,
    /// What to do with a text that `values` does not have.
    pub(crate) other: Other,
    /// Makes letters small.
    pub(crate) lowercase: bool,
    /// Makes the text fit for an id: small letters, digits, hyphens.
    pub(crate) slug: bool,
    /// Comes before the text.
    pub(crate) prefix: String,
    /// An empty cell is a problem.
    pub(crate) required: bool,
    /// What an empty cell stands for.
    pub(crate) default: Option<String>,
    /// How dates are written, tried in order.
    pub(crate) dates: Vec<String>,
    /// How numbers are written.
    pub(crate) number: Number,
}

/// What to do with a text that is in no table of values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Other {
    /// It is a problem of the row.
    #[default]
    Refuse,
    /// The text is used as it is.
    Keep,
    /// The field stays absent.
    Leave,
    /// This is used.
    Constant(String),
}

/// How numbers are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Number {
    /// Stands before the fraction.
    pub(crate) point: char,
    /// Stands between groups of digits.
    pub(crate) grouping: Option<char>,
}

impl Default for Number {
    fn default() -> Self {
        Self { point: '.', grouping: None }
    }
}

impl Number {
    /// The plain digits.
    pub(crate) fn plain(&self, text: &str) -> String {
        let kept = text.chars().filter(|letter| Some(*letter) != self.grouping);
        kept.map(|letter| if letter == self.point { '.' } else { letter }).collect()
    }
}

impl Cell {
    /// The text of the field; none where it stays absent. In this order: the default of an empty cell, the table of
    /// values, small letters, slug, prefix.
    pub(crate) fn text(&self, cell: &str) -> Result<Option<String>, String> {
        let text = match (cell, &self.default) {
            ("", Some(default)) => default,
            ("", None) if self.required => return Err("is empty".to_owned()),
            ("", None) => return Ok(None),
            (text, _) => text,
        };
        let text = match self.values.as_ref().map(|values| values.get(text)) {
            None => text,
            Some(Some(meant)) => meant,
            Some(None) => match &self.other {
                Other::Refuse => return Err(format!("{} is not among the values of the map", shown(text))),
                Other::Keep => text,
                Other::Leave => return Ok(None),
                Other::Constant(constant) => constant,
            },
        };
        // The map may say that a text stands for nothing.
        if text.is_empty() { Ok(None) } else { self.dress(text).map(Some) }
    }

    /// The texts that the map itself gives: whatever the file holds, they have to fit the field.
    pub(crate) fn meant(&self) -> impl Iterator<Item = &str> {
        let values = self.values.iter().flat_map(HashMap::values);
        let other = match &self.other {
            Other::Constant(constant) => Some(constant),
            Other::Refuse | Other::Keep | Other::Leave => None,
        };
        // A default is a text of the file where there is a table of values.
        let default = self.default.iter().filter(|_| self.values.is_none());
        // An empty text leaves the field absent.
        values.chain(other).chain(default).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// Small letters, slug and prefix.
    pub(crate) fn dress(&self, text: &str) -> Result<String, String> {
        let lower = if self.lowercase { text.to_lowercase() } else { text.to_owned() };
        let slugged = if self.slug { slug(&lower) } else { lower };
        if slugged.is_empty() && !text.is_empty() {
            return Err(format!("{} has no letter or digit of ASCII to make an id of", shown(text)));
        }
        Ok(format!("{}{slugged}", self.prefix))
    }
}

/// Letters and digits of ASCII, small, with single hyphens for everything between them.
pub(crate) fn slug(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

/// A text of the file in a message: quoted, and not endless.
pub(crate) fn shown(text: &str) -> String {
    const CHARACTERS_MAX: usize = 60;
    match text.char_indices().nth(CHARACTERS_MAX) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(other: Other) -> Cell {
        let values = HashMap::from([("Web".to_owned(), "online".to_owned())]);
        Cell { values: Some(values), other, ..Cell::default() }
    }

    #[test]
    fn a_text_goes_through_the_steps_in_order() {
        let text = |cell: &Cell, text: &str| cell.text(text).unwrap();
        assert_eq!(text(&table(Other::Refuse), "Web").as_deref(), Some("online"));
        assert!(table(Other::Refuse).text("Fax").unwrap_err().contains("Fax"));
        assert_eq!(text(&table(Other::Leave), "Fax"), None);
        let kept = Cell { lowercase: true, prefix: "by-".to_owned(), ..table(Other::Keep) };
        assert_eq!(text(&kept, "FAX").as_deref(), Some("by-fax"));
        let constant = Other::Constant("other".to_owned());
        assert_eq!(text(&table(constant), "Fax").as_deref(), Some("other"));
        let slugged = Cell { slug: true, prefix: "records/".to_owned(), ..Cell::default() };
        assert_eq!(text(&slugged, " M&T Bank, (Corp.) ").as_deref(), Some("records/m-t-bank-corp"));
        assert!(slugged.text("Бюро").is_err());
    }

    #[test]
    fn an_empty_cell_is_absent_a_default_or_a_problem() {
        assert_eq!(Cell::default().text(""), Ok(None));
        let default = Cell { default: Some("Web".to_owned()), ..table(Other::Refuse) };
        assert_eq!(default.text("").unwrap().as_deref(), Some("online"));
        assert!(Cell { required: true, ..Cell::default() }.text("").is_err());
        let prefixed = Cell { prefix: "US-".to_owned(), ..Cell::default() };
        assert_eq!(prefixed.text(""), Ok(None));
        let nothing = HashMap::from([("none".to_owned(), String::new())]);
        assert_eq!(Cell { values: Some(nothing), ..prefixed }.text("none"), Ok(None));
    }

    #[test]
    fn numbers_lose_their_groups() {
        let number = Number { point: ',', grouping: Some('.') };
        assert_eq!(number.plain("-1.234.567,5"), "-1234567.5");
    }
}
