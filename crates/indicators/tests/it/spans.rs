//! Periods of a series.

use proptest::prelude::*;
use reform_indicators::span::{Bucket, Granularity};
use reform_model::{Date, Day};

use crate::build::{date, period};

#[test]
fn a_period_is_written_as_coarsely_as_it_is() {
    for (granularity, label, written) in [
        (Granularity::Year, "2023", "2023"),
        (Granularity::HalfYear, "2023-H2", "2023-07/2023-12"),
        (Granularity::Quarter, "2023-Q3", "2023-07/2023-09"),
        (Granularity::Month, "2023-08", "2023-08"),
    ] {
        let bucket = Bucket::of(granularity, date("2023-08-31")).unwrap();
        assert_eq!(bucket.label(), label);
        assert_eq!(bucket.period(), period(written));
    }
}

#[test]
fn a_coarse_date_lies_in_no_finer_period() {
    for (text, granularity, expected) in [
        ("2023", Granularity::Year, Some("2023")),
        ("2023", Granularity::HalfYear, None),
        ("2023-06", Granularity::HalfYear, Some("2023-H1")),
        ("2023-06..2023-07", Granularity::HalfYear, None),
        ("2023-06..2023-07", Granularity::Year, Some("2023")),
        ("..2023", Granularity::Year, None),
    ] {
        assert_eq!(Bucket::of(granularity, date(text)).map(Bucket::label).as_deref(), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn periods_follow_each_other_without_gap(start in Day::MIN.0..Day::MAX.0, length in 0..2000, unit in 0..4_usize) {
        let granularity = Granularity::CALENDAR[unit];
        let (first, last) = (Day(start), Day(start.saturating_add(length).min(Day::MAX.0)));
        let buckets = Bucket::series(granularity, first, last);
        prop_assert!(buckets.first().unwrap().contains(Date::exact(first)));
        prop_assert!(buckets.last().unwrap().contains(Date::exact(last)));
        for pair in buckets.windows(2) {
            prop_assert_eq!(pair[0].last.next(), pair[1].first);
        }
        for bucket in buckets {
            prop_assert_eq!((bucket.period().first(), bucket.period().last()), (bucket.first, bucket.last));
        }
    }
}
