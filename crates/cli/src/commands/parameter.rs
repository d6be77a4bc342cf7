//! `reform parameter`: a legal parameter through time.

use std::process::ExitCode;

use clap::Args;
use reform_api::analytics::v1::{GetParameterRequest, GetParameterResponse, ParameterStep};
use reform_api::data::v1::{Comparator, Date, Quantity};
use reform_api::json;

use crate::args::{Global, Output};
use crate::client::Service;
use crate::commands::get::full_name;
use crate::failure::Failure;
use crate::{civil, out};

/// Show a legal parameter on a day, and its steps.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  reform parameter party-member-threshold
  reform parameter party-member-threshold -j XX --at 2021-05-25")]
pub(crate) struct Parameter {
    /// Name of the variable record that stands for it; records/ may be left out
    #[arg(value_name = "VARIABLE")]
    parameter: String,
    /// Jurisdiction code; absent is that of the variable
    #[arg(short, long, value_name = "CODE", default_value = "", hide_default_value = true)]
    jurisdiction: String,
    /// Day to answer for, as YEAR-MONTH-DAY; absent is the history only
    #[arg(long, value_name = "DATE", value_parser = civil::parse_date)]
    at: Option<Date>,
}

pub(crate) async fn run(global: &Global, parameter: Parameter) -> Result<ExitCode, Failure> {
    let peer = global.connect(Service::Analytics).await?;
    let request = GetParameterRequest {
        parameter: full_name("records", &parameter.parameter),
        jurisdiction: parameter.jurisdiction,
        valid_at: parameter.at.clone(),
    };
    let answer = peer.analytics().get_parameter(request).await.map_err(|status| peer.failed(status))?;
    match global.output {
        Output::Json => out::say(&json::line("reform.analytics.v1.GetParameterResponse", &answer)?)?,
        Output::Csv => out::csv(&HEADER, rows(&answer))?,
        Output::Table => {
            if let Some(day) = &parameter.at {
                let valid = answer.valid.as_ref().map_or_else(|| "nothing known".to_owned(), value);
                out::say(&format!("valid on {}: {valid}", civil::date(day)))?;
            }
            out::say(&out::table(&HEADER, rows(&answer)))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

const HEADER: [&str; 5] = ["from", "value", "stage", "state", "reform"];

/// The step in force first where it is none of the history, then the history.
fn rows(answer: &GetParameterResponse) -> impl Iterator<Item = [String; 5]> {
    let valid = answer.valid.iter().filter(|valid| !answer.history.contains(valid));
    valid.chain(&answer.history).map(|step| row(answer, step))
}

fn row(answer: &GetParameterResponse, step: &ParameterStep) -> [String; 5] {
    let state = match () {
        () if step.planned => "planned",
        () if answer.valid.as_ref() == Some(step) => "valid",
        () => "",
    };
    let from = step.from.as_ref().map(civil::date).unwrap_or_default();
    [from, value(step), step.stage.clone(), state.to_owned(), step.reform.clone()]
}

fn value(step: &ParameterStep) -> String {
    step.value.as_ref().map_or_else(|| "not stated".to_owned(), quantity)
}

/// As the model writes it; a comparator of a newer contract is left out.
fn quantity(quantity: &Quantity) -> String {
    let Quantity { decimal, upper_decimal, unit, .. } = quantity;
    let sign = match quantity.comparator() {
        Comparator::Approximate => "≈ ",
        Comparator::AtLeast => "≥ ",
        Comparator::MoreThan => "> ",
        Comparator::AtMost => "≤ ",
        Comparator::LessThan => "< ",
        Comparator::Unspecified | Comparator::Exact | Comparator::Between => "",
    };
    let upper = if upper_decimal.is_empty() { String::new() } else { format!("–{upper_decimal}") };
    let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
    format!("{sign}{decimal}{upper}{unit}")
}
