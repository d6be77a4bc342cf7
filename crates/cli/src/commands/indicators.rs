//! `reform indicators`: what can be asked, and what each indicator is.

use std::fmt::Write;
use std::process::ExitCode;

use clap::Args;
use futures::TryStreamExt;
use reform_api::analytics::v1::{GetIndicatorRequest, Indicator, ListIndicatorsRequest, Parameter};
use reform_api::json;

use crate::args::{Global, Output};
use crate::client::{Peer, Service};
use crate::commands::get::full_name;
use crate::failure::Failure;
use crate::out;

const MESSAGE: &str = "reform.analytics.v1.Indicator";

/// Show what indicators there are, or one in full
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  reform indicators
  reform indicators disproportionality
  reform indicators -o json")]
pub(crate) struct Indicators {
    /// Name of one indicator, for its definition, formula, source and parameters; indicators/ may be left out
    #[arg(value_name = "INDICATOR")]
    indicator: Option<String>,
}

pub(crate) async fn run(global: &Global, indicators: Indicators) -> Result<ExitCode, Failure> {
    let peer = global.connect(Service::Analytics).await?;
    match indicators.indicator {
        None => list(&peer, global.output).await?,
        Some(id) => {
            let request = GetIndicatorRequest { name: full_name("indicators", &id) };
            let indicator = peer.analytics().get_indicator(request).await;
            let indicator = indicator.map_err(|status| peer.failed(status))?;
            match global.output {
                Output::Json => out::say(&json::line(MESSAGE, &indicator)?)?,
                Output::Csv => out::csv(&HEADER, [row(&indicator)])?,
                Output::Table => out::say(&in_full(&indicator))?,
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Every indicator, by id.
pub(crate) async fn list(peer: &Peer, output: Output) -> Result<(), Failure> {
    let indicators = peer.analytics().list(ListIndicatorsRequest::default()).try_collect().await;
    let indicators: Vec<Indicator> = indicators.map_err(|status| peer.failed(status))?;
    match output {
        Output::Json => {
            for indicator in &indicators {
                out::say(&json::line(MESSAGE, indicator)?)?;
            }
        }
        Output::Csv => out::csv(&HEADER, indicators.iter().map(row))?,
        Output::Table => out::say(&out::table(&HEADER, indicators.iter().map(row)))?,
    }
    Ok(())
}

const HEADER: [&str; 5] = ["indicator", "title", "unit", "dimensions", "parameters"];

fn row(indicator: &Indicator) -> [String; 5] {
    let parameters = indicator.parameters.iter().map(|parameter| match parameter.values.as_slice() {
        [] if parameter.required => format!("{} (required)", parameter.key),
        [] => parameter.key.clone(),
        values => format!("{}={}", parameter.key, values.join("|")),
    });
    [
        indicator.name.trim_start_matches("indicators/").to_owned(),
        indicator.title.clone(),
        indicator.unit.clone(),
        indicator.dimensions.join(", "),
        parameters.collect::<Vec<_>>().join(", "),
    ]
}

/// One indicator as a page to cite from.
fn in_full(indicator: &Indicator) -> String {
    let Indicator {
        name,
        title,
        definition,
        formula,
        formula_source,
        formula_version,
        unit,
        dimensions,
        parameters,
        kinds,
    } = indicator;
    let mut text = format!("{title}\n{name}, formula version {formula_version}\n\n{definition}\n");
    let mut line = |label: &str, words: &str| {
        if !words.is_empty() {
            let _infallible = write!(text, "\n{label:<12}{words}");
        }
    };
    line("formula", formula);
    line("source", formula_source);
    line("unit", unit);
    line("dimensions", &dimensions.join(", "));
    line("reads", &kinds.join(", "));
    let mut label = "parameters";
    for parameter in parameters {
        line(label, &choice(parameter));
        label = "";
    }
    text
}

fn choice(parameter: &Parameter) -> String {
    let Parameter { key, description, values, default_value, required } = parameter;
    let mut text = format!("{key}: {description}");
    if !values.is_empty() {
        let _infallible = write!(text, "; one of {}", values.join(", "));
    }
    if !default_value.is_empty() {
        let _infallible = write!(text, "; default {default_value}");
    }
    if *required { text + "; required" } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_what_a_citation_needs() {
        let parameter = Parameter {
            key: "tier".to_owned(),
            description: "which seats".to_owned(),
            values: vec!["A".to_owned(), "B".to_owned()],
            default_value: "A".to_owned(),
            required: true,
        };
        let indicator = Indicator {
            name: "indicators/x".to_owned(),
            title: "Title".to_owned(),
            definition: "What is measured.".to_owned(),
            formula: "1 / Σ p²".to_owned(),
            formula_version: 3,
            parameters: vec![parameter],
            ..Indicator::default()
        };
        let expected = "Title\nindicators/x, formula version 3\n\nWhat is measured.\n\nformula     1 / Σ p²\n\
                        parameters  tier: which seats; one of A, B; default A; required";
        assert_eq!(in_full(&indicator), expected);
    }
}
