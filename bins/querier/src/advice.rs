//! What the user can do about a linkage that a provider would not agree to.

use blindjoin_protocol::Error as ProtocolError;
use blindjoin_protocol::agree::Objection;
use blindjoin_service::Error;

const SECONDS_A_DAY: u64 = 24 * 3600;

/// Puts before an error what can be done about it, where that is known here: a provider gives no
/// reasons, but an offer is held against what it publishes before it is asked. `now` is in seconds
/// since 1970.
pub(crate) fn advise(error: Error, now: u64) -> anyhow::Error {
    let advice = match &error {
        Error::Protocol(ProtocolError::Objection(objection)) => about(objection, now),
        Error::Protocol(ProtocolError::Version { .. }) => {
            Some("all three parties need the same release of this program".to_owned())
        }
        _ => None,
    };
    match advice {
        Some(advice) => anyhow::Error::new(error).context(advice),
        None => error.into(),
    }
}

fn about(objection: &Objection, now: u64) -> Option<String> {
    Some(match objection {
        Objection::Allowance { what, renewed, .. } => {
            let days = renewed.saturating_sub(now).div_ceil(SECONDS_A_DAY);
            let less = if *what == "pairs of records" {
                "take smaller blocks, "
            } else {
                ""
            };
            if days > 0 {
                format!("{less}wait {days} days for a new allowance or ask the provider for more")
            } else {
                format!("{less}ask the provider for more")
            }
        }
        Objection::Blocking { offered } if offered == "none" => {
            "compare without --block, or ask the provider to allow blocks, by `blocks` in its configuration".to_owned()
        }
        Objection::Blocking { .. } => {
            "give --block as the provider does, or ask it to allow this one".to_owned()
        }
        Objection::NoBlock => {
            "compare without --block, or in coarser blocks, or with a smaller --k-min".to_owned()
        }
        Objection::CountingRequired => {
            "give --counting: the key holder then learns how much matches".to_owned()
        }
        Objection::CountingRefused => "give --blind".to_owned(),
        Objection::HashBits { most: 0, .. } => {
            "compare without --block hash: the provider does not allow it, or has too few keys"
                .to_owned()
        }
        Objection::HashBits { most, .. } => format!("give --block hash:{most} or fewer bits"),
        Objection::KeySize { accepted, .. } => {
            let accepted: Vec<String> = accepted.iter().map(ToString::to_string).collect();
            format!("give --key-bits {}", accepted.join(" or "))
        }
        Objection::Pairs => "take `link`, or ask the provider to allow pairs".to_owned(),
        Objection::RuleId { .. } | Objection::Rules { .. } | Objection::Weights => {
            "give --rules the rules file that the provider has; --rule names some of its rules".to_owned()
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use blindjoin_service::program;
    use blindjoin_terminal::chain;

    fn told(objection: Objection) -> (String, u8) {
        let error = Error::Protocol(objection.into());
        let advised = advise(error, 10 * SECONDS_A_DAY);
        let code = advised.chain().find_map(program::exit_code);
        (chain(advised.as_ref()), code.unwrap())
    }

    #[test]
    fn objections_come_with_the_flag_that_helps() {
        let allowance = |what| Objection::Allowance {
            what,
            needed: 3000,
            left: 77,
            renewed: 12 * SECONDS_A_DAY - 5,
        };
        let key_size = Objection::KeySize {
            bits: 2048,
            accepted: vec![3072, 4096],
        };
        let blocking = |offered: &str| Objection::Blocking {
            offered: offered.to_owned(),
        };
        for (objection, words) in [
            (allowance("lookups"), &["wait 2 days", "3000", "77"][..]),
            (allowance("pairs of records"), &["smaller blocks"]),
            (Objection::CountingRequired, &["--counting"]),
            (Objection::CountingRefused, &["--blind"]),
            (Objection::HashBits { bits: 9, most: 3 }, &["hash:3"]),
            (Objection::HashBits { bits: 9, most: 0 }, &["without"]),
            (Objection::NoBlock, &["--block", "--k-min"]),
            (key_size, &["--key-bits 3072 or 4096", "2048"]),
            (Objection::Weights, &["--rules", "weights"]),
            (Objection::Cell, &["block"]),
            (blocking("none"), &["without --block", "`blocks`"]),
            (blocking("birth_year"), &["give --block", "birth_year"]),
        ] {
            let (told, code) = told(objection);
            for word in words {
                assert!(told.contains(word), "no {word:?} in: {told}");
            }
            assert_eq!(code, 1, "{told}");
        }
    }
}
