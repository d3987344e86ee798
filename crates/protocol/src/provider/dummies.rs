//! Matches that the provider adds so that a counting key holder sees a noisy number.

use rand::Rng as _;
use rand_chacha::ChaCha20Rng;

use crate::terms::Dummies;

/// Draws the number of dummy matches: the mean plus two-sided geometric noise, clipped.
pub(crate) fn draw_dummies(dummies: Option<Dummies>, rng: &mut ChaCha20Rng) -> u32 {
    let Some(dummies) = dummies else { return 0 };
    let mean = dummies.mean();
    let epsilon = f64::from(dummies.epsilon_milli) / 1000.0;
    let mut geometric = || -> i64 {
        // Uniform in (0, 1] with 53 bits; its logarithm is exponential.
        #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
        let uniform = ((rng.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
        #[expect(clippy::cast_possible_truncation, reason = "at most 37 over the scale")]
        let draw = (-uniform.ln() / epsilon).floor() as i64;
        draw
    };
    let noise = geometric() - geometric();
    let drawn = (i64::from(mean) + noise).clamp(0, 2 * i64::from(mean));
    u32::try_from(drawn).expect("clipped to a small range")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;

    #[test]
    fn dummy_counts_scatter_around_their_mean() {
        let mut rng = ChaCha20Rng::from_seed([5; 32]);
        let draws: Vec<u32> = (0..4000)
            .map(|_| draw_dummies(Some(Dummies::default()), &mut rng))
            .collect();
        let mean = f64::from(draws.iter().sum::<u32>()) / 4000.0;
        let variance = draws
            .iter()
            .map(|&d| (f64::from(d) - mean).powi(2))
            .sum::<f64>()
            / 4000.0;
        // Two-sided geometric noise of scale ε has variance 2e^-ε / (1 - e^-ε)² = 7.84 at ε = 0.5.
        assert!(
            (mean - 55.0).abs() < 0.25 && (variance - 7.84).abs() < 1.0,
            "{mean}, {variance}"
        );
        assert_eq!(draw_dummies(None, &mut rng), 0);
    }
}
