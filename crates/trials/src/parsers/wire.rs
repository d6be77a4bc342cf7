//! Changes of an encoded message that leave it one: its fields are changed, not its bytes.

use prost::encoding::{decode_varint, encode_varint};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};

/// Deeper messages are bytes.
const DEPTH_MAX: usize = 12;
/// Times that a message is put into itself.
const NESTED_MAX: usize = 200;

const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const LENGTH: u64 = 2;
const FIXED32: u64 = 5;

/// A field as it is encoded.
#[derive(Debug, Clone)]
struct Field {
    key: u64,
    value: Value,
}

#[derive(Debug, Clone)]
enum Value {
    Varint(u64),
    Fixed(Vec<u8>),
    Bytes(Vec<u8>),
}

/// The fields of a message; none where the bytes are none.
fn fields(mut bytes: &[u8]) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = decode_varint(&mut bytes).ok()?;
        let mut take = |length: usize| {
            let (taken, rest) = bytes.split_at_checked(length)?;
            bytes = rest;
            Some(taken.to_vec())
        };
        let value = match key & 7 {
            VARINT => Value::Varint(decode_varint(&mut bytes).ok()?),
            FIXED64 => Value::Fixed(take(8)?),
            FIXED32 => Value::Fixed(take(4)?),
            LENGTH => {
                let length = usize::try_from(decode_varint(&mut bytes).ok()?).ok()?;
                let (taken, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                Value::Bytes(taken.to_vec())
            }
            _ => return None,
        };
        fields.push(Field { key, value });
    }
    Some(fields)
}

fn encode(fields: &[Field], out: &mut Vec<u8>) {
    for Field { key, value } in fields {
        encode_varint(*key, out);
        match value {
            Value::Varint(number) => encode_varint(*number, out),
            Value::Fixed(bytes) => out.extend_from_slice(bytes),
            Value::Bytes(bytes) => {
                encode_varint(bytes.len() as u64, out);
                out.extend_from_slice(bytes);
            }
        }
    }
}

/// Changes one field, at any depth; fields of `other` may come in.
pub(super) fn change(message: &mut Vec<u8>, other: &[u8], random: &mut StdRng) {
    let Some(mut all) = fields(message) else { return };
    change_fields(&mut all, other, random, 0);
    message.clear();
    encode(&all, message);
}

fn change_fields(all: &mut Vec<Field>, other: &[u8], random: &mut StdRng, depth: usize) {
    match random.random_range(0..12) {
        0 => {
            if !all.is_empty() {
                all.remove(random.random_range(0..all.len()));
            }
        }
        1 => {
            if let Some(field) = all.choose(random).cloned() {
                let times = *[1, 1, 1, 2, 100].choose(random).unwrap_or(&1);
                all.extend(std::iter::repeat_n(field, times));
            }
        }
        2 => all.extend(fields(other).unwrap_or_default().choose(random).cloned()),
        3 => all.shuffle(random),
        4 => {
            let key = u64::from(random.random_range(1..40_u32)) << 3;
            all.push(Field { key, value: Value::Varint(number(random)) });
        }
        5 => {
            let key = u64::from(random.random_range(1..40_u32)) << 3 | LENGTH;
            all.push(Field { key, value: Value::Bytes(Vec::new()) });
        }
        _ => {
            let Some(at) = (!all.is_empty()).then(|| random.random_range(0..all.len())) else { return };
            change_field(&mut all[at], other, random, depth);
        }
    }
}

fn change_field(field: &mut Field, other: &[u8], random: &mut StdRng, depth: usize) {
    match &mut field.value {
        Value::Varint(varint) => *varint = number(random),
        Value::Fixed(bytes) => bytes.iter_mut().for_each(|byte| *byte = random.random()),
        Value::Bytes(bytes) => {
            let inner = fields(bytes).filter(|_| depth < DEPTH_MAX && random.random_ratio(4, 5));
            match inner {
                Some(mut inner) if random.random_ratio(19, 20) => {
                    change_fields(&mut inner, other, random, depth + 1);
                    bytes.clear();
                    encode(&inner, bytes);
                }
                Some(_) => {
                    for _ in 0..random.random_range(1..NESTED_MAX) {
                        let nested = Field { key: field.key, value: Value::Bytes(std::mem::take(bytes)) };
                        encode(&[nested], bytes);
                    }
                }
                None => text(bytes, random),
            }
        }
    }
}

fn text(bytes: &mut Vec<u8>, random: &mut StdRng) {
    match random.random_range(0..5) {
        0 => bytes.clear(),
        1 => {
            let place = random.random_range(0..=bytes.len());
            bytes.insert(place, *b" .-:/*()0aZ\"\n\x00\xff".choose(random).unwrap_or(&b'x'));
        }
        2 => {
            let place = random.random_range(0..=bytes.len());
            bytes.truncate(place);
        }
        3 => *bytes = number(random).cast_signed().to_string().into_bytes(),
        _ => *bytes = bytes.repeat(*[2, 3, 200].choose(random).unwrap_or(&2)),
    }
    bytes.truncate(32 << 10);
}

fn number(random: &mut StdRng) -> u64 {
    const EDGES: [u64; 12] = [
        0,
        1,
        2,
        12,
        13,
        31,
        9_999,
        10_000,
        0x7fff_ffff,
        0x8000_0000,
        0x7fff_ffff_ffff_ffff,
        0xffff_ffff_ffff_ffff,
    ];
    if random.random() {
        *EDGES.choose(random).unwrap_or(&0)
    } else {
        u64::from(random.random_range(0..3_000_u32))
    }
}
