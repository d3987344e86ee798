//! Values of options, in words that a person understands when they are wrong.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// A parser of whole numbers within a range, for clap.
///
/// ```
/// let records = blindjoin_terminal::whole(1..=u64::MAX);
/// assert_eq!(records("1000"), Ok(1000));
/// assert_eq!(records("1e6").unwrap_err(), "must be a whole number, 1 or more");
/// ```
pub fn whole<T>(range: RangeInclusive<T>) -> impl Fn(&str) -> Result<T, String> + Clone
where
    T: Copy + Display + FromStr + Into<u128> + PartialOrd + Send + Sync,
{
    move |text: &str| {
        let (least, most) = (*range.start(), *range.end());
        // Wide enough that a number too large for the type is told from what is no number.
        let number = text.parse::<u128>().ok();
        let within = number.filter(|number| (least.into()..=most.into()).contains(number));
        within
            .and_then(|number| number.to_string().parse().ok())
            .ok_or_else(|| {
                // The most that a type can hold is nobody's concern.
                if most.into() >= u128::from(u32::MAX) {
                    format!("must be a whole number, {least} or more")
                } else {
                    format!("must be a whole number from {least} to {most}")
                }
            })
    }
}

/// A parser of numbers within a range, for clap.
pub fn real(range: RangeInclusive<f64>) -> impl Fn(&str) -> Result<f64, String> + Clone {
    move |text: &str| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| {
            let (least, most) = (range.start(), range.end());
            format!("must be a number from {least} to {most}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_out_of_their_range_are_told_the_range() {
        let port = whole(1_u16..=65_533);
        assert_eq!(port("7701"), Ok(7701));
        for bad in ["0", "65534", "70000", "-1", "x", "", "7.5"] {
            assert_eq!(
                port(bad).unwrap_err(),
                "must be a whole number from 1 to 65533",
                "{bad}"
            );
        }
        assert_eq!(
            whole(1_u64..=u64::MAX)("18446744073709551615"),
            Ok(u64::MAX)
        );
        assert!(whole(1_u64..=u64::MAX)("18446744073709551616").is_err());
        assert_eq!(real(0.0..=1.0)("0.3"), Ok(0.3));
        for bad in ["30", "-0.1", "NaN", "a third"] {
            assert_eq!(
                real(0.0..=1.0)(bad).unwrap_err(),
                "must be a number from 0 to 1",
                "{bad}"
            );
        }
    }
}
