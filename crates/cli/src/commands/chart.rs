//! `reform chart`: the picture of an answer, as a file or in the terminal.

mod drawn;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use reform_api::analytics::v1::render_chart_request::Format;
use reform_api::analytics::v1::{GetIndicatorRequest, QueryIndicatorRequest, RenderChartRequest};

use crate::args::{Global, Output};
use crate::client::{Peer, Service};
use crate::commands::query::{self, Ask};
use crate::failure::Failure;
use crate::{out, progress};

/// Columns of a picture where no terminal says how wide it is.
const COLUMNS_UNKNOWN: u16 = 100;

/// The widest picture in a terminal: beyond it a row is hard to follow.
const COLUMNS_MAX: u16 = 140;

/// Draw the answer of an indicator.
///
/// Without a file the picture is text for the terminal, where a point is ● counted or ■ published, hollow or starred where
/// there is a caveat, ├──┤ are bounds, and an arrow has no limit on its side.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  reform chart registered-parties --period 2010..2024
  reform chart registered-parties parties.svg --period 2010..2024
  reform chart appeals-per-year appeals.png -j XX --group-by channel --width 1200 --height 600
  reform chart turnout - --format png > turnout.png

-o json and -o csv write the figures of the picture, as reform query does.")]
pub(crate) struct Chart {
    /// Name of the indicator; indicators/ may be left out
    indicator: String,
    /// File to write, .svg or .png; - is stdout; absent is a picture in the terminal
    file: Option<PathBuf>,
    /// Format of the file; absent is that of its extension
    #[arg(long, value_enum, requires = "file")]
    format: Option<Kind>,
    /// Width of the file in pixels, 200 to 4,000; 0 is 800
    #[arg(long, default_value_t = 0, hide_default_value = true, value_name = "PIXELS", requires = "file")]
    width: i32,
    /// Height of the file in pixels, 200 to 4,000; 0 is 450
    #[arg(long, default_value_t = 0, hide_default_value = true, value_name = "PIXELS", requires = "file")]
    height: i32,
    #[command(flatten)]
    ask: Ask,
}

/// Format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Svg,
    Png,
}

impl Kind {
    /// What the flag says, else what the extension says; stdout has none and takes SVG.
    fn of(format: Option<Self>, file: &Path) -> Result<Self, Failure> {
        let extension = file.extension().map(|extension| extension.to_ascii_lowercase());
        match (format, extension.as_deref().and_then(|extension| extension.to_str())) {
            (Some(format), _) => Ok(format),
            (None, Some("svg")) => Ok(Self::Svg),
            (None, Some("png")) => Ok(Self::Png),
            (None, _) if is_stdout(file) => Ok(Self::Svg),
            (None, _) => {
                let file = file.display();
                Err(Failure::Usage(format!(
                    "{file}: name it .svg or .png, or say --format svg or --format png"
                )))
            }
        }
    }

    fn wire(self) -> Format {
        match self {
            Self::Svg => Format::Svg,
            Self::Png => Format::Png,
        }
    }
}

fn is_stdout(file: &Path) -> bool {
    file == Path::new("-")
}

pub(crate) async fn run(global: &Global, chart: Chart) -> Result<ExitCode, Failure> {
    let Chart { indicator, file, format, width, height, ask } = chart;
    let query = ask.request(&indicator);
    let Some(file) = file else {
        let peer = global.connect(Service::Analytics).await?;
        show(&peer, query, global.output).await?;
        return Ok(ExitCode::SUCCESS);
    };
    // A wrong name of a file is told before anything is asked.
    let format = Kind::of(format, &file)?.wire().into();
    let peer = global.connect(Service::Analytics).await?;
    let request = RenderChartRequest { query: Some(query), format, width_px: width, height_px: height };
    let revision = save(&peer, request, &file).await?;
    if !is_stdout(&file) {
        progress::note(&format!("{} drawn at revision {revision}", file.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Draws into the file and returns the revision.
pub(crate) async fn save(peer: &Peer, request: RenderChartRequest, file: &Path) -> Result<i64, Failure> {
    let drawn = peer.analytics().render_chart(request).await.map_err(|status| peer.failed(status))?;
    if is_stdout(file) {
        let mut out = out::stdout();
        out.write_all(&drawn.image)?;
        out.flush()?;
    } else {
        let failed = |source| Failure::File { path: file.display().to_string(), source };
        std::fs::write(file, &drawn.image).map_err(failed)?;
    }
    Ok(drawn.revision)
}

/// Draws into the terminal.
async fn show(peer: &Peer, query: QueryIndicatorRequest, output: Output) -> Result<(), Failure> {
    let client = peer.analytics();
    let indicator = client.get_indicator(GetIndicatorRequest { name: query.indicator.clone() }).await;
    let indicator = indicator.map_err(|status| peer.failed(status))?;
    let answer = client.query_indicator(query.clone()).await.map_err(|status| peer.failed(status))?;
    match output {
        Output::Json | Output::Csv => query::write(&answer, output)?,
        Output::Table => {
            let columns = out::width().unwrap_or(COLUMNS_UNKNOWN).min(COLUMNS_MAX);
            let text = drawn::chart(&indicator.title, &query, &answer).text(columns.into());
            out::say(text.trim_end())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_says_the_format_unless_the_flag_does() {
        for (format, file, expected) in [
            (None, "a.svg", Some(Kind::Svg)),
            (None, "b.PNG", Some(Kind::Png)),
            (None, "-", Some(Kind::Svg)),
            (Some(Kind::Png), "-", Some(Kind::Png)),
            (Some(Kind::Svg), "a.png", Some(Kind::Svg)),
            (None, "a.pdf", None),
            (None, "a", None),
        ] {
            assert_eq!(Kind::of(format, Path::new(file)).ok(), expected, "{file}");
        }
    }
}
