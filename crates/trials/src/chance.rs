//! Seeded randomness: a run prints its seed, and `REFORM_SEED` repeats it.

use std::env;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// A source of random numbers for each part of a test, all from one seed.
#[derive(Debug, Clone, Copy)]
pub struct Chance {
    seed: u64,
}

impl Chance {
    /// The seed of this run; printed, so that a failure can be repeated.
    pub fn new(test: &str) -> Self {
        let seed = env::var("REFORM_SEED").ok().map(|text| text.parse().expect("REFORM_SEED is a number"));
        let seed = seed.unwrap_or_else(|| rand::rng().random());
        eprintln!("{test}: REFORM_SEED={seed}");
        Self { seed }
    }

    /// The chance of one round of several.
    #[must_use]
    pub fn round(self, number: usize) -> Self {
        let mut random = self.part(u64::MAX - u64::try_from(number).expect("64 bits"));
        Self { seed: random.random() }
    }

    /// The numbers of one part.
    pub fn part(self, number: u64) -> StdRng {
        StdRng::seed_from_u64(self.seed.wrapping_add(number))
    }
}

/// Some moment before `end`.
pub fn moment(random: &mut StdRng, end: Duration) -> Duration {
    end.mul_f64(random.random_range(0.0..1.0))
}

/// A UUID that comes back with the seed.
pub fn request_id(random: &mut StdRng) -> String {
    uuid::Builder::from_random_bytes(random.random()).into_uuid().to_string()
}
