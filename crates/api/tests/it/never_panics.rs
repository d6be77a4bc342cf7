//! Whatever decodes is converted or refused.

use proptest::prelude::*;
use prost::Message;
use reform_api::convert;
use reform_api::data::v1;

use crate::examples::examples;

/// Decodes and converts; a record that is accepted is accepted again as it is stored.
fn check(bytes: &[u8]) {
    let Ok(wire) = v1::Record::decode(bytes) else { return };
    let converted = convert::record(&wire);
    if converted.is_ok() {
        assert_eq!(convert::record(&convert::without_output_only(wire)), converted);
    } else {
        let _ = converted.map_err(|violations| violations.below("record.").into_fault().status());
    }
}

proptest! {
    #[test]
    fn on_arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        check(&bytes);
    }

    #[test]
    fn on_damaged_examples(
        pick in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let all: Vec<_> = examples().collect();
        let mut bytes = pick.get(&all).encode_to_vec();
        for (position, byte) in damage {
            *position.get_mut(&mut bytes) = byte;
        }
        check(&bytes);
    }
}
