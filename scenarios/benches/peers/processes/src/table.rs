//! Lines of the report: a name, a figure, what it is compared with, and whether that reaches the goal.

/// What a figure should be.
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    /// `goal ≥ 1×: met`, with this unit behind the number.
    pub fn judge(&self, figure: f64, unit: &str) -> String {
        let (sign, goal, is_met) = match self {
            Goal::AtLeast(goal) => ("≥", *goal, figure >= *goal),
            Goal::AtMost(goal) => ("≤", *goal, figure <= *goal),
        };
        format!("goal {sign} {goal}{unit}: {}", if is_met { "met" } else { "missed" })
    }
}

/// Prints one row; an empty cell costs its width and no more.
pub fn line(name: &str, cells: &[String]) {
    let cells: Vec<String> = cells.iter().map(|cell| format!("{cell:<20}")).collect();
    println!("        {name:34}{}", cells.join("  ").trim_end());
}

/// `12 345`: groups of three, as the other tables have them.
pub fn grouped(figure: f64) -> String {
    let digits = format!("{figure:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}
