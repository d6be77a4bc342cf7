//! Random charts.

use proptest::prelude::*;
use reform_chart::{Bound, Chart, Point, Series, Size};
use reform_model::date::Digits;
use reform_model::{Date, Period};

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-20..20_i32).prop_map(f64::from),
        2 => -1e6..1e6,
        1 => any::<f64>(),
        1 => prop_oneof![Just(f64::MAX), Just(f64::MIN_POSITIVE), Just(f64::NAN), Just(f64::INFINITY)],
    ]
}

fn bound() -> impl Strategy<Value = Option<Bound>> {
    proptest::option::of((number(), any::<bool>()).prop_map(|(at, open)| Bound { at, open }))
}

fn date() -> impl Strategy<Value = Option<Date>> {
    let digits = (1..=9999, proptest::option::of(1..=12), proptest::option::of(1..=28));
    proptest::option::of(digits.prop_filter_map("no such date", |(year, month, day)| {
        Date::new(Digits::new(year, month, month.and(day)).ok(), None).ok()
    }))
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => Just(String::new()),
        2 => "[a-zа-яәғқңөұүһі ]{0,30}",
        1 => "[<>&'\"\\PC]{0,20}",
        1 => any::<String>(),
        1 => Just("Өте ұзын атау ".repeat(12)),
    ]
}

fn point() -> impl Strategy<Value = Point> {
    let figure = (proptest::option::of(number()), bound(), bound(), any::<bool>());
    let words = (text(), prop_oneof![Just("25.0 %".to_owned()), text()], text());
    let more = (proptest::option::of(any::<(i64, i64)>()), proptest::option::of(number()));
    let codes = proptest::collection::vec(prop_oneof![Just("PARTIAL_PERIOD".to_owned()), text()], 0..3);
    ((date(), date()), figure, words, codes, more).prop_map(
        |(
            (start, end),
            (value, lower, upper, approximate),
            (label, display, status),
            caveats,
            (parts, before),
        )| Point {
            period: Period { start, end },
            label,
            value,
            lower,
            upper,
            approximate,
            display,
            status,
            caveats,
            parts,
            before,
        },
    )
}

fn yearly() -> impl Strategy<Value = Point> {
    (point(), 1990..2030).prop_map(|(point, year)| {
        let date = Date::year(year).ok();
        Point { period: Period { start: date, end: date }, label: String::new(), ..point }
    })
}

fn series() -> impl Strategy<Value = Series> {
    let value = prop_oneof![Just("COUNTED".to_owned()), Just("REPORTED".to_owned()), text()];
    let labels = proptest::collection::btree_map("[a-c]|origin|basis|jurisdiction", value, 0..4);
    let points =
        prop_oneof![proptest::collection::vec(point(), 0..8), proptest::collection::vec(yearly(), 0..8),];
    (labels, "|parties|persons|days|share", points).prop_map(|(labels, unit, points)| Series {
        labels,
        unit,
        points,
    })
}

fn chart() -> impl Strategy<Value = Chart> {
    let many = prop_oneof![8 => 0..6_usize, 1 => Just(60)]
        .prop_flat_map(|count| proptest::collection::vec(series(), count));
    (text(), many, proptest::collection::vec(text(), 0..5), 0..100_usize, text()).prop_map(
        |(title, series, sources, sources_total, state)| Chart {
            title,
            conditions: Vec::new(),
            series,
            sources,
            sources_total,
            state,
        },
    )
}

fn size() -> impl Strategy<Value = Size> {
    let side = || prop_oneof![Just(200_i64), 200..900_i64, Just(450)];
    (side(), side()).prop_map(|(width, height)| Size::new(width, height).expect("within the limits"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_chart_is_drawn(chart in chart(), size in size(), columns in 0..200_usize) {
        let svg = chart.svg(size);
        prop_assert!(!svg.contains("NaN") && !svg.contains("inf\"") && !svg.contains("inf "), "{svg}");
        prop_assert_eq!(svg.matches('<').count(), svg.matches('>').count());
        prop_assert!(svg.chars().all(|sign| sign == '\n' || !sign.is_control()));
        prop_assert_eq!(&svg, &chart.svg(size));
        let text = chart.text(columns);
        prop_assert!(text.lines().all(|line| line.chars().count() <= columns.max(40)), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn any_chart_is_a_png(chart in chart(), size in size()) {
        let png = chart.png(size);
        prop_assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
        prop_assert_eq!(&png[16..20], &u32::from(size.width()).to_be_bytes());
        prop_assert_eq!(&png[20..24], &u32::from(size.height()).to_be_bytes());
        prop_assert_eq!(&png, &chart.png(size));
    }
}
