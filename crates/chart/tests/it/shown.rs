//! What a picture must show, and what it must not.

use reform_chart::{Bound, Chart, Point, Series, Size};
use reform_model::{Date, Day, Period};

fn year(year: i32) -> Period {
    let date = Date::year(year).ok();
    Period { start: date, end: date }
}

fn day(year: i32, month: i32, day: i32) -> Period {
    let date = Day::new(year, month, day).map(Date::exact);
    Period { start: date, end: date }
}

fn closed(at: f64) -> Option<Bound> {
    Some(Bound { at, open: false })
}

fn exact(period: Period, value: f64) -> Point {
    let display = value.to_string();
    Point {
        period,
        value: Some(value),
        lower: closed(value),
        upper: closed(value),
        display,
        ..Point::default()
    }
}

fn series(labels: &[(&str, &str)], points: Vec<Point>) -> Series {
    let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Series { labels, unit: "appeals".to_owned(), points }
}

fn chart(series: Vec<Series>) -> Chart {
    Chart {
        title: "Appeals & answers <per period>".to_owned(),
        conditions: vec!["share base: contenders".to_owned()],
        series,
        sources: vec!["Заң «О петициях»".to_owned(), "Second".to_owned()],
        sources_total: 22,
        state: "Revision 7 of store s".to_owned(),
    }
}

fn svg(series: Vec<Series>) -> String {
    chart(series).svg(Size::DEFAULT)
}

#[test]
fn a_picture_without_data_says_so_and_names_its_state() {
    let svg = svg(Vec::new());
    for text in ["no data", "Appeals &amp; answers &lt;per period&gt;", "Revision 7 of store s"] {
        assert!(svg.contains(text), "{text}: {svg}");
    }
}

#[test]
fn sources_are_named_and_the_others_counted() {
    let svg = svg(vec![series(&[], vec![exact(year(2023), 5.0)])]);
    assert!(svg.contains("Sources: Заң «О петициях»; Second; +20 more"), "{svg}");
    assert!(svg.contains("share base: contenders"), "{svg}");
}

#[test]
fn more_than_a_number_is_an_arrow_and_no_point() {
    let more = Point {
        period: year(2024),
        value: Some(5_300.0),
        lower: Some(Bound { at: 5_300.0, open: true }),
        display: "> 5,300".to_owned(),
        ..Point::default()
    };
    let alone = svg(vec![series(&[], vec![more.clone()])]);
    assert!(alone.contains("&gt; 5,300") && alone.contains("no limit that way"), "{alone}");
    assert!(!alone.contains("<circle"), "{alone}");
    let beside = svg(vec![series(&[("origin", "COUNTED")], vec![exact(year(2023), 5_000.0), more])]);
    assert_eq!(beside.matches("<circle").count(), 1, "{beside}");
}

#[test]
fn bounds_without_a_figure_have_no_point() {
    let bare = Point {
        lower: closed(4.0),
        upper: closed(8.0),
        display: "4–8".to_owned(),
        period: year(2023),
        ..Point::default()
    };
    let svg = svg(vec![series(&[], vec![bare, exact(year(2022), 5.0)])]);
    assert!(svg.contains("only bounds are known") && svg.contains("4–8"), "{svg}");
    assert_eq!(svg.matches("stroke-width=\"0.8\"").count(), 1, "{svg}");
}

#[test]
fn counted_and_published_differ_in_marker_and_line() {
    let points = || (2019..2023).map(|number| exact(year(number), f64::from(number))).collect::<Vec<_>>();
    let svg =
        svg(vec![series(&[("origin", "COUNTED")], points()), series(&[("origin", "REPORTED")], points())]);
    assert!(svg.contains("counted from records") && svg.contains("published totals"), "{svg}");
    assert!(svg.contains("stroke-dasharray") && svg.contains("<circle"), "{svg}");
}

#[test]
fn a_hundred_series_are_shortened_and_the_picture_says_so() {
    let one = |index: i32| {
        let points = (2019..2023).map(|number| exact(year(number), f64::from(index))).collect();
        series(&[("region", &format!("region number {index}"))], points)
    };
    let lines = svg((0..100).map(one).collect());
    assert!(lines.contains("more in grey") && lines.contains("region number 99"), "{lines}");
    let rows = (0..100).map(|index| {
        series(&[("region", &format!("region number {index}"))], vec![exact(year(2023), f64::from(index))])
    });
    let rows = svg(rows.collect());
    assert!(rows.contains("more figures not drawn") && rows.contains("region number 99"), "{rows}");
    assert!(!rows.contains(">region number 0<"), "{rows}");
}

#[test]
fn elections_have_their_dates_and_units_a_panel_each() {
    let event = |period, label: &str, value| Point { label: label.to_owned(), ..exact(period, value) };
    let points = vec![
        event(day(2021, 1, 10), "Election of 2021", 3.0),
        event(day(2023, 3, 19), "Election of 2023", 6.0),
    ];
    let mut other = series(&[], points.clone());
    other.unit = "seats".to_owned();
    let svg = svg(vec![series(&[], points), other]);
    for text in ["2021-01-10", "2023-03-19", "Election of 2023", ">appeals<", ">seats<"] {
        assert!(svg.contains(text), "{text}: {svg}");
    }
}

#[test]
fn a_fraction_is_read_as_percent_and_a_caveat_is_named() {
    let rate = Point {
        value: Some(0.25),
        lower: closed(0.1325),
        upper: closed(0.4211),
        display: "25.0 %".to_owned(),
        caveats: vec!["SMALL_N".to_owned()],
        ..exact(year(2023), 0.25)
    };
    let svg = svg(vec![series(&[], vec![rate])]);
    for text in ["25.0 %", "20 %", "appeals, percent", "small n", "between bounds"] {
        assert!(svg.contains(text), "{text}: {svg}");
    }
}

#[test]
fn an_axis_that_does_not_begin_at_zero_says_so() {
    let cut = svg(vec![series(&[], vec![exact(year(2022), 98.5), exact(year(2023), 97.0)])]);
    assert!(cut.contains("the axis does not begin at 0"), "{cut}");
    let whole = svg(vec![series(&[], vec![exact(year(2022), 98.5), exact(year(2023), 9.0)])]);
    assert!(!whole.contains("begin at 0"), "{whole}");
}
