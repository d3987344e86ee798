//! Horizontal stacked bars.

use std::fmt::Write as _;

const WIDTH: f64 = 640.0;
const LABEL: f64 = 170.0;
const VALUE: f64 = 90.0;
const ROW: f64 = 26.0;
const BAR: f64 = 16.0;

/// A plot of labelled rows, each a bar of stacked parts on one common scale.
pub(crate) struct Bars<'a> {
    title: &'a str,
    series: &'a [&'a str],
    rows: Vec<Row>,
}

struct Row {
    label: String,
    parts: Vec<f64>,
    value: String,
}

impl<'a> Bars<'a> {
    /// An empty plot whose bars have one part per name in `series`.
    pub(crate) fn new(title: &'a str, series: &'a [&'a str]) -> Self {
        Self {
            title,
            series,
            rows: Vec::new(),
        }
    }

    /// Adds a row; `value` stands to the right of its bar.
    pub(crate) fn push(&mut self, label: &str, parts: &[f64], value: &str) {
        let row = Row {
            label: label.to_owned(),
            parts: parts.to_vec(),
            value: value.to_owned(),
        };
        self.rows.push(row);
    }

    /// The plot as an SVG element, colours by the classes `s0`, `s1`, … of the page.
    pub(crate) fn to_svg(&self) -> String {
        let legend = if self.series.len() > 1 { ROW } else { 0.0 };
        let height =
            f64::from(u32::try_from(self.rows.len()).unwrap_or(u32::MAX)) * ROW + legend + 4.0;
        let longest = self
            .rows
            .iter()
            .map(|row| row.parts.iter().sum())
            .fold(0.0, f64::max);
        let scale = if longest > 0.0 {
            (WIDTH - LABEL - VALUE) / longest
        } else {
            0.0
        };
        let mut svg = format!(
            "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">",
            escape(self.title)
        );
        let mut y = 2.0;
        for row in &self.rows {
            self.draw(&mut svg, row, y, scale);
            y += ROW;
        }
        if self.series.len() > 1 {
            self.draw_legend(&mut svg, y);
        }
        svg.push_str("</svg>");
        svg
    }

    fn draw(&self, svg: &mut String, row: &Row, y: f64, scale: f64) {
        let baseline = y + BAR - 3.0;
        let label = escape(&row.label);
        write_text(svg, LABEL - 8.0, baseline, "end", &label);
        let mut x = LABEL;
        for (i, part) in row.parts.iter().enumerate() {
            let width = part * scale;
            let name = self.series.get(i).copied().unwrap_or_default();
            let _ = write!(
                svg,
                "<rect class=\"s{i}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
                 height=\"{BAR}\"><title>{label}, {name}: {part}</title></rect>"
            );
            x += width;
        }
        write_text(svg, x + 6.0, baseline, "start", &escape(&row.value));
    }

    fn draw_legend(&self, svg: &mut String, y: f64) {
        let mut x = LABEL;
        for (i, name) in self.series.iter().enumerate() {
            let top = y + 6.0;
            let _ = write!(
                svg,
                "<rect class=\"s{i}\" x=\"{x:.1}\" y=\"{top:.1}\" width=\"10\" height=\"10\"/>"
            );
            write_text(svg, x + 15.0, y + 15.0, "start", &escape(name));
            x += 130.0;
        }
    }
}

fn write_text(svg: &mut String, x: f64, y: f64, anchor: &str, escaped: &str) {
    let _ = write!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{escaped}</text>"
    );
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_fills_the_plot_and_the_others_keep_proportion() {
        let mut bars = Bars::new("t", &["a"]);
        bars.push("long", &[4.0], "4");
        bars.push("short", &[1.0], "1");
        let svg = bars.to_svg();
        assert!(
            svg.contains("width=\"380.0\"") && svg.contains("width=\"95.0\""),
            "{svg}"
        );
    }

    #[test]
    fn labels_cannot_break_out() {
        let mut bars = Bars::new("\"><script>", &["a"]);
        bars.push("<b>", &[1.0], "&");
        let svg = bars.to_svg();
        assert!(!svg.contains("<b>") && !svg.contains("<script>"));
    }
}
