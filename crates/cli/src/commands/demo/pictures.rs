//! Pictures of the shipped records: the list is data and ships with them.

use std::path::Path;

use reform_api::analytics::v1::RenderChartRequest;
use reform_api::analytics::v1::render_chart_request::Format;
use serde::Deserialize;

use super::headlines::Headline;
use crate::client::Peer;
use crate::commands::chart;
use crate::failure::Failure;
use crate::progress;

/// The list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pictures {
    /// The pictures, each with its file.
    #[serde(rename = "chart")]
    list: Vec<Headline>,
}

/// Draws all of them into the folder, at that revision or later.
pub(super) async fn draw(analytics: &Peer, revision: i64, folder: &Path) -> Result<(), Failure> {
    let failed = |source| Failure::File { path: folder.display().to_string(), source };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let pictures = shipped()?;
    for picture in &pictures.list {
        let format = if picture.file.ends_with(".png") { Format::Png } else { Format::Svg };
        let request = RenderChartRequest {
            query: Some(picture.query(revision)?),
            format: format.into(),
            ..RenderChartRequest::default()
        };
        chart::save(analytics, request, &folder.join(&picture.file)).await?;
    }
    progress::note(&format!("{} pictures drawn into {}", pictures.list.len(), folder.display()));
    Ok(())
}

fn shipped() -> Result<Pictures, Failure> {
    toml::from_str(reform_dataset::CHARTS)
        .map_err(|error| Failure::Demo(format!("the list of pictures: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_picture_has_a_file_of_its_own() {
        let mut files: Vec<String> =
            shipped().unwrap().list.into_iter().map(|picture| picture.file).collect();
        let count = files.len();
        files.sort();
        files.dedup();
        assert!(files.len() == count && count >= 10, "{files:?}");
        assert!(files.iter().all(|file| file.ends_with(".png") || file.ends_with(".svg")), "{files:?}");
    }
}
