//! A sheet as SVG.

use std::fmt::Write;

use crate::font::Weight;
use crate::scene::{Anchor, Paint, SHEET, Scene, Shape, Stroke, Text};

/// The first of these that a reader has; texts are measured in the first, and none of the others is much wider.
const FAMILY: &str = "'Open Sans','Noto Sans','Segoe UI',Roboto,'DejaVu Sans',Arial,sans-serif";

/// The file.
pub(crate) fn write(scene: &Scene) -> String {
    let mut file = String::new();
    let (width, height) = (scene.width, scene.height);
    let _ = write!(
        file,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" font-family=\"{FAMILY}\">\n\
         <title>{}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"{}\"/>\n",
        escaped(&scene.title),
        colour(SHEET),
    );
    for shape in &scene.shapes {
        file.push_str(&element(shape));
        file.push('\n');
    }
    file.push_str("</svg>\n");
    file
}

fn element(shape: &Shape) -> String {
    match shape {
        Shape::Lines { points, stroke } => {
            format!("<path d=\"{}\" fill=\"none\"{}/>", path(points), edge(Some(stroke)))
        }
        Shape::Area { points, fill, edge: rim } => {
            format!("<path d=\"{}Z\"{}{}/>", path(points), inside(*fill), edge(rim.as_ref()))
        }
        Shape::Disc { centre: (x, y), radius, fill, edge: rim } => format!(
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\"{}{}/>",
            number(*x),
            number(*y),
            number(*radius),
            inside(*fill),
            edge(rim.as_ref())
        ),
        Shape::Text(text) => words(text),
    }
}

fn words(text: &Text) -> String {
    let weight = match text.weight {
        Weight::Regular => "",
        Weight::Semibold => " font-weight=\"600\"",
    };
    let anchor = match text.anchor {
        Anchor::Start => "",
        Anchor::Middle => " text-anchor=\"middle\"",
        Anchor::End => " text-anchor=\"end\"",
    };
    let rim = if text.rim {
        format!(
            " stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\" paint-order=\"stroke\"",
            colour(SHEET),
            number(text.size / 4.0)
        )
    } else {
        String::new()
    };
    format!(
        "<text x=\"{}\" y=\"{}\" font-size=\"{}\"{weight}{anchor}{}{rim}>{}</text>",
        number(text.at.0),
        number(text.at.1),
        number(text.size),
        inside(text.paint),
        escaped(&text.text)
    )
}

fn path(points: &[(f64, f64)]) -> String {
    let step = |(index, (x, y)): (usize, &(f64, f64))| {
        format!("{}{} {}", if index == 0 { "M" } else { "L" }, number(*x), number(*y))
    };
    points.iter().enumerate().map(step).collect()
}

fn inside(paint: Paint) -> String {
    format!(" fill=\"{}\"{}", colour(paint), see_through("fill", paint))
}

fn edge(stroke: Option<&Stroke>) -> String {
    let Some(Stroke { paint, width, dash }) = stroke else { return String::new() };
    let dash = dash.map(|(line, gap)| format!(" stroke-dasharray=\"{} {}\"", number(line), number(gap)));
    format!(
        " stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\"{}{}",
        colour(*paint),
        number(*width),
        see_through("stroke", *paint),
        dash.unwrap_or_default()
    )
}

fn see_through(what: &str, paint: Paint) -> String {
    if paint.alpha < 1.0 { format!(" {what}-opacity=\"{}\"", number(paint.alpha)) } else { String::new() }
}

fn colour(Paint { rgb: [red, green, blue], alpha: _ }: Paint) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Two decimals are finer than any screen.
fn number(number: f64) -> String {
    let text = format!("{number:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            sign => escaped.push(sign),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_text_is_escaped() {
        for (value, expected) in [(1.0, "1"), (0.126, "0.13"), (-0.001, "0"), (10.5, "10.5"), (100.0, "100")]
        {
            assert_eq!(number(value), expected);
        }
        assert_eq!(escaped("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
    }
}
