//! Values recorded from the executable specification of the protocol.

use blindjoin_cuckoo::Parameters;
use blindjoin_protocol::{JoinKeys, Shape, Suite, size_class};
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/reference.json")).unwrap()
}

fn bytes(value: &Value) -> [u8; 32] {
    let text = value.as_str().unwrap();
    std::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
}

fn number(value: &Value) -> u128 {
    value.as_str().unwrap().parse().unwrap()
}

#[test]
fn size_classes_and_shapes_are_the_specification_s() {
    let vectors = vectors();
    for row in vectors["sizes"].as_array().unwrap() {
        let [size, class, half, third, dense] =
            std::array::from_fn(|i| row.as_array().unwrap()[i].as_u64().unwrap());
        assert_eq!(size_class(size), class);
        assert_eq!(
            u64::from(Parameters::for_size(class).unwrap().half()),
            half,
            "size {size}"
        );
        let shape = Shape::for_size(class);
        assert_eq!(
            (u64::from(shape.third()), u64::from(shape.dense())),
            (third, dense),
            "size {size}"
        );
    }
}

#[test]
fn keyed_functions_are_the_specification_s() {
    let vectors = vectors();
    for (name, suite) in [
        ("c89", Suite::C89),
        ("o89", Suite::O89),
        ("t107", Suite::T107),
    ] {
        let of = &vectors["keyed"][name];
        let [id, pad, canary] = ["id", "pad", "canary"].map(|key| bytes(&of["keys"][key]));
        let keys = JoinKeys::from_keys(suite, &id, &pad, &canary);
        for row in of["values"].as_array().unwrap() {
            let value = row["value"].as_str().unwrap().as_bytes();
            assert_eq!(keys.fingerprint(b"id", value), number(&row["fp_id"]));
            assert_eq!(keys.fingerprint(b"okvs", value), number(&row["fp_okvs"]));
            let pair: Vec<u64> = row["bins"]
                .as_array()
                .unwrap()
                .iter()
                .map(|b| b.as_u64().unwrap())
                .collect();
            assert_eq!(keys.bins(value, 3802).map(u64::from).to_vec(), pair);
            let (sparse, dense) = keys.row(value, 500, 43);
            let places: Vec<u64> = row["row"]
                .as_array()
                .unwrap()
                .iter()
                .map(|b| b.as_u64().unwrap())
                .collect();
            assert_eq!(sparse.map(u64::from).to_vec(), places);
            assert_eq!(u128::from(dense), number(&row["dense"]));
            assert_eq!(u128::from(keys.tag(value)), number(&row["tag"]));
        }
        for row in of["pads"].as_array().unwrap() {
            let position = row["j"].as_u64().unwrap();
            assert_eq!(u128::from(keys.pad(position)), number(&row["pad"]));
            assert_eq!(keys.blind_pad(position), number(&row["pad_t"]));
        }
        for (i, row) in (0..).zip(of["canaries"].as_array().unwrap()) {
            assert_eq!(keys.canary(i), row.as_str().unwrap().as_bytes());
        }
    }
}
