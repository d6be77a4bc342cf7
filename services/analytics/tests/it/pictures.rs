//! RenderChart.

use reform_api::analytics::v1::render_chart_request::Format;
use reform_api::analytics::v1::{self, RenderChartRequest, RenderChartResponse};
use reform_api::error::Reason;
use tonic::Status;

use crate::pair::{Pair, appeals, assert_refused, store};
use crate::refusals::fields;

async fn draw(pair: &mut Pair, request: RenderChartRequest) -> Result<RenderChartResponse, Status> {
    pair.client.render_chart(request).await.map(tonic::Response::into_inner)
}

fn request() -> RenderChartRequest {
    RenderChartRequest { query: Some(appeals()), ..RenderChartRequest::default() }
}

#[tokio::test]
async fn an_answer_is_drawn_with_its_revision() {
    let mut pair = Pair::start(store("a", 3)).await;
    pair.ask(4).await.unwrap();
    let drawn = draw(&mut pair, request()).await.unwrap();
    assert_eq!((drawn.content_type.as_str(), drawn.revision), ("image/svg+xml", 4));
    let svg = String::from_utf8(drawn.image.to_vec()).unwrap();
    for text in
        ["width=\"800\" height=\"450\"", "Appeals per period", "KZ", "appeals", "Revision 4 of store a"]
    {
        assert!(svg.contains(text), "{text}: {svg}");
    }
    assert_eq!(draw(&mut pair, request()).await.unwrap().image, drawn.image);

    let png = RenderChartRequest { format: Format::Png.into(), width_px: 300, height_px: 200, ..request() };
    let drawn = draw(&mut pair, png).await.unwrap();
    assert_eq!(drawn.content_type, "image/png");
    assert_eq!(&drawn.image[16..24], [0, 0, 1, 44, 0, 0, 0, 200]);
}

#[tokio::test]
async fn an_empty_answer_is_a_picture_too() {
    let mut pair = Pair::start(store("a", 0)).await;
    pair.ask(1).await.unwrap();
    let drawn = draw(&mut pair, request()).await.unwrap();
    assert!(String::from_utf8(drawn.image.to_vec()).unwrap().contains("no data"));
}

#[tokio::test]
async fn every_wrong_field_of_a_picture_is_named() {
    let mut pair = Pair::start(store("a", 0)).await;
    pair.ask(1).await.unwrap();
    let query = v1::QueryIndicatorRequest { indicator: "appeals".into(), ..Default::default() };
    let wrong = RenderChartRequest { query: Some(query), format: 9, width_px: 199, height_px: 4_001 };
    let status = draw(&mut pair, wrong).await.unwrap_err();
    assert_refused(&status, Reason::FieldViolations);
    assert_eq!(fields(&status), ["query.indicator", "format", "width_px", "height_px"]);
    let status = draw(&mut pair, RenderChartRequest::default()).await.unwrap_err();
    assert_eq!(fields(&status), ["query"]);
    let query = v1::QueryIndicatorRequest { indicator: "indicators/happiness".into(), ..Default::default() };
    let status = draw(&mut pair, RenderChartRequest { query: Some(query), ..request() }).await.unwrap_err();
    assert_refused(&status, Reason::IndicatorNotFound);
}
