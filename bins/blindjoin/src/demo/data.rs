//! What a demonstration has shown, as data.

use blindjoin_protocol::leakage::Observer;
use serde_json::{Map, Value, json};

use super::{Checked, Linkage, Outcome, Served};

/// The same figures and sentences that are printed.
pub(super) fn data(outcome: &Outcome, checked: &Checked) -> Value {
    let mut querier = json!({
        "records": outcome.summary.records,
        "keys": outcome.ours.asked.len(),
    });
    let mut provider = json!({
        "records": outcome.records,
        "keys": outcome.theirs.len(),
    });
    let mut seconds = Map::new();
    let keyholder = match &outcome.linked {
        Linkage::Served(served) => {
            let figures = &served.linked.figures;
            extend(&mut querier, of_the_querier(served));
            extend(&mut provider, of_the_provider(served));
            let phases = figures.phases.iter();
            seconds
                .extend(phases.map(|(phase, time)| (phase.to_string(), json!(time.as_secs_f64()))));
            json!({
                "key_bits": figures.key_bits,
                "comparisons": figures.comparisons,
                "result_bytes": figures.result_bytes,
                "learned": served.told().session().sentences(Observer::KeyHolder),
            })
        }
        Linkage::InProcess(linked) => json!({ "comparisons": linked.account.ciphertexts }),
    };
    seconds.insert("in all".to_owned(), json!(outcome.took.as_secs_f64()));
    json!({
        "querier": querier,
        "provider": provider,
        "keyholder": keyholder,
        "seconds": seconds,
        "card": outcome.summary.data(),
        "cells_checked": checked.cells,
        "people_in_both": checked.people,
        "people_found": checked.found,
        "records_of_others": checked.others,
    })
}

fn of_the_querier(served: &Served) -> Value {
    let figures = &served.linked.figures;
    json!({
        "table_entries": figures.table_entries,
        "table_bytes": figures.table_bytes,
        "learned": served.told().session().sentences(Observer::Querier),
    })
}

fn of_the_provider(served: &Served) -> Value {
    let figures = &served.linked.figures;
    json!({
        "comparisons": figures.comparisons,
        "comparison_bytes": figures.comparison_bytes,
        "learned": served.told().session().sentences(Observer::Provider),
    })
}

fn extend(figures: &mut Value, more: Value) {
    if let (Some(figures), Value::Object(more)) = (figures.as_object_mut(), more) {
        figures.extend(more);
    }
}
