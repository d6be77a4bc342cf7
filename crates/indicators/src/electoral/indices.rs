//! The indices that one tier of an election has by itself, as the indicators of the same ids compute them.

use std::collections::BTreeMap;

use reform_model::election::{Election, Tier};

use crate::electoral::disproportion::Index;
use crate::electoral::rows::{Seats, shares_as_recorded};
use crate::electoral::{disproportionality, effective, wasted};
use crate::estimate::Estimate;

/// Figures by the id of their indicator.
pub type Indices = BTreeMap<&'static str, Estimate>;

/// The indices of a tier, shares as recorded; without those that its rows do not allow.
pub fn indices(election: &Election, tier: &Tier) -> Indices {
    let (shares, seats) = (shares_as_recorded(election, tier), Seats::of_tier(tier));
    let of_seats = || effective::by_seats(&seats, false).filter(|_| seats.is_recorded());
    let known = [
        (effective::VOTES.id, effective::by_votes(&shares)),
        (effective::SEATS.id, of_seats()),
        (wasted::DEFINITION.id, wasted::of_tier(&seats, &shares)),
    ];
    let distances = [
        (disproportionality::LEAST_SQUARES.id, Index::LeastSquares),
        (disproportionality::LOOSEMORE_HANBY.id, Index::LoosemoreHanby),
        (disproportionality::RAE.id, Index::Rae),
        (disproportionality::SAINTE_LAGUE.id, Index::SainteLague),
    ];
    let distances = distances.map(|(id, index)| (id, disproportionality::of_tier(index, tier, &shares)));
    known.into_iter().chain(distances).filter_map(|(id, figure)| Some((id, figure?))).collect()
}
