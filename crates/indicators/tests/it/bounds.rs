//! Whatever the truth is within the bounds of the parts, it lies within the bounds of the whole.

use proptest::prelude::*;
use reform_indicators::estimate::{Bound, Estimate};
use reform_indicators::number::Number;
use reform_indicators::wilson;

use crate::build::quantity;

/// An estimate and a truth that it allows.
fn known() -> impl Strategy<Value = (Estimate, Number)> {
    let bound = prop_oneof![Just(None), (0_i64..20, any::<bool>()).prop_map(Some)];
    (-30_i64..30, bound.clone(), bound).prop_map(|(truth, below, above)| {
        let truth = Number::scaled(truth, 1);
        let place = |gap: Option<(i64, bool)>, sign: i64| {
            gap.map(|(gap, open)| Bound {
                number: &truth + &Number::scaled(gap * sign, 1),
                // A bound on the truth itself is reached.
                open: open && gap > 0,
            })
        };
        let estimate = Estimate {
            value: Some(truth.clone()),
            lower: place(below, -1),
            upper: place(above, 1),
            ..Estimate::default()
        };
        (estimate, truth)
    })
}

fn allows(estimate: &Estimate, truth: &Number) -> bool {
    let above = |bound: &Bound| if bound.open { *truth > bound.number } else { *truth >= bound.number };
    let below = |bound: &Bound| if bound.open { *truth < bound.number } else { *truth <= bound.number };
    estimate.lower.as_ref().is_none_or(above) && estimate.upper.as_ref().is_none_or(below)
}

proptest! {
    #[test]
    fn any_completion_lies_within((a, x) in known(), (b, y) in known(), factor in -5_i64..5) {
        prop_assert!(allows(&a.add(&b), &(&x + &y)));
        prop_assert!(allows(&a.sub(&b), &(&x - &y)));
        let factor = Number::from(factor);
        prop_assert!(allows(&a.scale(&factor), &(&x * &factor)));
        if let Some(ratio) = x.checked_div(&y) {
            prop_assert!(allows(&a.div(&b), &ratio), "{a:?} / {b:?} excludes {ratio:?}");
        }
        prop_assert!(allows(&a.hull(&b), &x) && allows(&a.hull(&b), &y));
    }

    #[test]
    fn a_rate_lies_within_its_interval(part in 0_i64..60, rest in 0_i64..60) {
        let rate = wilson::rate(&Estimate::exact(part), &Estimate::exact(rest));
        prop_assert_eq!(rate.is_some(), part + rest > 0);
        if let Some(rate) = rate {
            prop_assert!(allows(&rate, rate.value.as_ref().unwrap()));
        }
    }
}

#[test]
fn reads_as_the_source_printed_it() {
    for (printed, display) in [
        ("5300", "5,300"),
        ("> 5300", "> 5,300"),
        ("≥ 40", "≥ 40"),
        ("≈ 1000", "≈ 1,000"),
        ("≤ 1700", "≤ 1,700"),
        ("< 3", "< 3"),
        ("24–33", "24–33"),
        ("18.780", "18.78"),
    ] {
        assert_eq!(Estimate::from(&quantity(printed)).display(), display);
    }
    assert_eq!(Estimate::count(4, 4).display(), "4–8");
    assert_eq!(Estimate::count_between(7, 0).display(), "7");
}

#[test]
fn bounds_travel_through_sums_and_ratios() {
    let of = |text: &str| Estimate::from(&quantity(text));
    for (estimate, display) in [
        (of("> 5300").add(&of("10")), "> 5,310"),
        (of("> 5300").add(&of("≥ 10")), "> 5,310"),
        (of("24–33").add(&of("1")), "25–34"),
        (of("≈ 1000").add(&of("1")), "≈ 1,001"),
        (of("10").sub(&of("> 3")), "< 7"),
        (of("10").sub(&of("2–4")), "6–8"),
        (of("10").div(&of("2–4")), "2.5–5"),
        // Nothing above: the ratio may come as near to zero as one likes.
        (of("10").div(&of("≥ 4")), "2.5"),
        (of("> 3").add(&of("< 3")), "≈ 6"),
    ] {
        assert_eq!(estimate.display(), display);
    }
    let ratio = of("10").div(&of("≥ 4"));
    assert_eq!(ratio.lower, Some(Bound::open(Number::zero())));
    assert_eq!(of("10").div(&of("0–4")).upper, None);
}
