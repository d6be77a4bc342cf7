//! The TOML file of a configuration.

use toml::{Table, Value as Toml};

use super::{Setting, Value, check_depth};

/// The values of a file by key; what is wrong with the file goes to `mistakes`.
pub(super) fn read(
    path: &str,
    settings: &[Setting],
    mistakes: &mut Vec<String>,
) -> Vec<(&'static str, Value)> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            mistakes.push(format!("{path}: {error}"));
            return Vec::new();
        }
    };
    if let Err(error) = check_depth(&text) {
        mistakes.push(format!("{path}: {error}"));
        return Vec::new();
    }
    let table: Table = match text.parse() {
        Ok(table) => table,
        Err(error) => {
            let error: toml::de::Error = error;
            mistakes.push(format!("{path}: {}", error.to_string().trim_end().replace('\n', "\n    ")));
            return Vec::new();
        }
    };
    let mut values = Vec::new();
    for (key, value) in table {
        match one(&key, value, settings) {
            Ok((key, text)) => values.push((key, Value { text, place: format!("{path}: {key}") })),
            Err(why) => mistakes.push(format!("{path}: {key}: {why}")),
        }
    }
    values
}

fn one(key: &str, value: Toml, settings: &[Setting]) -> Result<(&'static str, String), String> {
    // A file that names another file would ask which of the two wins.
    let known = || settings.iter().map(|setting| setting.key).filter(|key| *key != "config");
    let Some(key) = known().find(|known| *known == key) else {
        return Err(format!("not a setting; the settings are {}", known().collect::<Vec<_>>().join(", ")));
    };
    match value {
        Toml::String(text) => Ok((key, text)),
        Toml::Integer(number) => Ok((key, number.to_string())),
        Toml::Float(number) => Ok((key, number.to_string())),
        Toml::Boolean(on) => Ok((key, on.to_string())),
        Toml::Datetime(_) | Toml::Array(_) | Toml::Table(_) => {
            Err(format!("a {} where one plain value belongs", value.type_str()))
        }
    }
}
