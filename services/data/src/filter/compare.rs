//! Three-valued comparisons of single values.

use std::cmp::Ordering;

use reform_model::{Decimal, Quantity};

use super::{Literal, Op};

/// True, false, or none for unknown.
pub(super) type Truth = Option<bool>;

/// Whether two values that lie to each other like that fulfil the operator.
pub(super) fn ordered(op: Op, ordering: Ordering) -> bool {
    match op {
        Op::Equal | Op::Has => ordering.is_eq(),
        Op::Less => ordering.is_lt(),
        Op::LessOrEqual => ordering.is_le(),
        Op::Greater => ordering.is_gt(),
        Op::GreaterOrEqual => ordering.is_ge(),
    }
}

/// A text against a text literal; none when the literal is of another type.
pub(super) fn text(op: Op, value: &str, literal: &Literal) -> Truth {
    match literal {
        Literal::Text(text) => Some(ordered(op, value.cmp(text))),
        Literal::Pattern(pattern) => Some(pattern.matches(value)),
        Literal::Fragment(fragment) => Some(contains(value, fragment)),
        Literal::Key(_)
        | Literal::Anything
        | Literal::Number(_)
        | Literal::Bool(_)
        | Literal::Enum(_)
        | Literal::Days(..)
        | Literal::Instants(..) => None,
    }
}

/// Whether the text has the lower-case fragment, in any case.
pub(super) fn contains(text: &str, fragment: &str) -> bool {
    text.to_lowercase().contains(fragment)
}

/// A value of which the first and the last possibility are known, against a span; all ends are inclusive.
///
/// A value equals a span when it certainly lies within: `= 2023-03` is true of every day of that March.
pub(super) fn span<T: Ord>(op: Op, (first, last): (T, T), (from, to): (T, T)) -> Truth {
    let (certain, impossible) = match op {
        Op::Equal | Op::Has => (first >= from && last <= to, last < from || first > to),
        Op::Less => (last < from, first >= from),
        Op::LessOrEqual => (last <= to, first > to),
        Op::Greater => (first > to, last <= to),
        Op::GreaterOrEqual => (first >= from, last < from),
    };
    decide(certain, impossible)
}

/// A quantity against a number, by the bounds that the source states.
pub(super) fn quantity(op: Op, quantity: &Quantity, number: Decimal) -> Truth {
    // Of an open bound ("more than") the number itself lies outside.
    let (above, at_least) = quantity.lower().map_or((false, false), |(bound, open)| {
        (bound > number || (open && bound == number), bound >= number)
    });
    let (below, at_most) = quantity.upper().map_or((false, false), |(bound, open)| {
        (bound < number || (open && bound == number), bound <= number)
    });
    match op {
        Op::Equal | Op::Has => decide(at_least && at_most && !above && !below, above || below),
        Op::Less => decide(below, at_least),
        Op::LessOrEqual => decide(at_most, above),
        Op::Greater => decide(above, at_most),
        Op::GreaterOrEqual => decide(at_least, below),
    }
}

fn decide(certain: bool, impossible: bool) -> Truth {
    match (certain, impossible) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use reform_model::vocabulary::Comparator;

    use super::*;

    #[test]
    fn a_quantity_answers_only_what_its_bounds_decide() {
        use Op::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};
        let check = |comparator, upper: Option<i64>, expected: [(Op, i64, Truth); 5]| {
            let upper = upper.map(Decimal::from);
            let stated = Quantity::new(5300.into(), comparator, upper, String::new()).unwrap();
            for (op, number, truth) in expected {
                assert_eq!(quantity(op, &stated, number.into()), truth, "{stated} {op:?} {number}");
            }
        };
        check(
            Comparator::Exact,
            None,
            [
                (Equal, 5300, Some(true)),
                (Equal, 5301, Some(false)),
                (Less, 5300, Some(false)),
                (LessOrEqual, 5300, Some(true)),
                (Greater, 5299, Some(true)),
            ],
        );
        check(
            Comparator::MoreThan,
            None,
            [
                (Greater, 5300, Some(true)),
                (Greater, 6000, None),
                (LessOrEqual, 5300, Some(false)),
                (Equal, 5300, Some(false)),
                (Equal, 5301, None),
            ],
        );
        check(
            Comparator::AtLeast,
            None,
            [
                (GreaterOrEqual, 5300, Some(true)),
                (Greater, 5300, None),
                (Less, 5300, Some(false)),
                (Equal, 5300, None),
                (Equal, 5299, Some(false)),
            ],
        );
        check(
            Comparator::LessThan,
            None,
            [
                (Less, 5300, Some(true)),
                (GreaterOrEqual, 5300, Some(false)),
                (Less, 5299, None),
                (LessOrEqual, 5300, Some(true)),
                (Equal, 5300, Some(false)),
            ],
        );
        check(
            Comparator::Between,
            Some(6000),
            [
                (Greater, 5299, Some(true)),
                (Greater, 6000, Some(false)),
                (Greater, 5300, None),
                (Equal, 5300, None),
                (Equal, 6001, Some(false)),
            ],
        );
        check(
            Comparator::Approximate,
            None,
            [Equal, Less, LessOrEqual, Greater, GreaterOrEqual].map(|op| (op, 5300, None)),
        );
    }

    #[test]
    fn a_span_is_equal_when_it_lies_within() {
        assert_eq!(span(Op::Equal, (3, 4), (1, 5)), Some(true));
        assert_eq!(span(Op::Equal, (0, 4), (1, 5)), None);
        assert_eq!(span(Op::Equal, (6, 7), (1, 5)), Some(false));
        assert_eq!(span(Op::GreaterOrEqual, (1, 9), (1, 5)), Some(true));
        assert_eq!(span(Op::Greater, (1, 5), (1, 5)), Some(false));
        assert_eq!(span(Op::Greater, (1, 9), (1, 5)), None);
        assert_eq!(span(Op::LessOrEqual, (1, 5), (1, 5)), Some(true));
        assert_eq!(span(Op::Less, (0, 1), (1, 5)), None);
    }
}
