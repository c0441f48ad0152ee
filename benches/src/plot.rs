//! Plots: bars with the range of their rounds, as text and as SVG.

use std::fmt::Write;

use crate::stats::{Spread, digits};

/// Width of the longest bar of text.
const BAR_CHARS: f64 = 40.0;
/// The drawing, in px: names to the left of the bars, numbers to their right.
const NAMES_PX: f64 = 170.0;
const BAR_PX: f64 = 380.0;
const NUMBERS_PX: f64 = 170.0;
const ROW_PX: f64 = 22.0;

/// One number of several things.
#[derive(Debug)]
pub(crate) struct Plot {
    pub(crate) title: String,
    pub(crate) items: Vec<(String, Spread)>,
}

impl Plot {
    fn most(&self) -> f64 {
        self.items.iter().map(|(_, spread)| spread.max).fold(f64::MIN_POSITIVE, f64::max)
    }

    pub(crate) fn text(&self) -> String {
        let width = self.items.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let mut text = format!("```text\n{}\n", self.title);
        for (name, spread) in &self.items {
            let length = (spread.median / self.most() * BAR_CHARS).round();
            let bar: String =
                std::iter::repeat_n('█', (0..40).filter(|at| f64::from(*at) < length).count()).collect();
            let _ = writeln!(text, "{name:<width$}  {bar} {}", digits(spread.median));
        }
        text.push_str("```");
        text
    }

    /// Draws at this height, and gives back where the next one goes.
    fn draw(&self, top: f64, svg: &mut String) -> f64 {
        let _ = writeln!(
            svg,
            r#"<text x="8" y="{}" font-weight="bold">{}</text>"#,
            top + 16.0,
            escaped(&self.title)
        );
        let mut row = top + 24.0;
        for (name, spread) in &self.items {
            let px = |value: f64| value / self.most() * BAR_PX;
            let middle = row + ROW_PX / 2.0;
            let (name_y, from) = (middle + 4.0, NAMES_PX + px(spread.min));
            let (to, end) = (NAMES_PX + px(spread.max), NAMES_PX + px(spread.max) + 8.0);
            let _ = writeln!(
                svg,
                r##"<text x="{}" y="{name_y:.1}" text-anchor="end">{}</text>
<rect x="{NAMES_PX}" y="{:.1}" width="{:.1}" height="{:.1}" fill="#5b8db8"/>
<path d="M{from:.1} {middle:.1}H{to:.1}" stroke="#222" stroke-width="2"/>
<text x="{end:.1}" y="{name_y:.1}">{}</text>"##,
                NAMES_PX - 8.0,
                escaped(name),
                row + 3.0,
                px(spread.median),
                ROW_PX - 6.0,
                escaped(&spread.to_string()),
            );
            row += ROW_PX;
        }
        row + 12.0
    }
}

/// All plots, one below the other. Bars are medians; the dark line on a bar is its range.
pub(crate) fn svg(plots: &[Plot]) -> String {
    let mut body = String::new();
    let height = plots.iter().fold(8.0, |top, plot| plot.draw(top, &mut body));
    let width = NAMES_PX + BAR_PX + NUMBERS_PX;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{body}</svg>\n"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot() -> Plot {
        let items =
            vec![("a".to_owned(), Spread::of(vec![10.0])), ("b".to_owned(), Spread::of(vec![2.0, 4.0, 5.0]))];
        Plot { title: "x < y".to_owned(), items }
    }

    #[test]
    fn bars_of_text_are_in_proportion() {
        let text = plot().text();
        let lengths: Vec<usize> = text.lines().map(|line| line.matches('█').count()).collect();
        assert_eq!(lengths, [0, 0, 40, 16, 0]);
    }

    #[test]
    fn a_drawing_holds_every_bar_and_its_range() {
        let svg = svg(&[plot(), plot()]);
        assert_eq!((svg.matches("<rect x=").count(), svg.matches("<path").count()), (4, 4));
        assert!(svg.contains("x &lt; y") && svg.contains("4.00 (2.00–5.00)"), "{svg}");
        assert!(svg.contains(r#"width="380.0""#) && svg.contains(r#"width="152.0""#), "{svg}");
    }
}
