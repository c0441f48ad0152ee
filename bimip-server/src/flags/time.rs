//! Times on the command line.

use std::time::Duration;

/// `300ms`, `90s`, `30m`, `24h`, `7d`.
pub(super) fn parse(text: &str) -> Result<Duration, &'static str> {
    const WRONG: &str = "give a number with ms, s, m, h or d behind it, such as 24h";
    let unit = text.find(|letter: char| !letter.is_ascii_digit()).ok_or(WRONG)?;
    let unit_ms = match &text[unit..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60 * 1_000,
        "h" => 60 * 60 * 1_000,
        "d" => 24 * 60 * 60 * 1_000,
        _ => return Err(WRONG),
    };
    let number: u64 = text[..unit].parse().map_err(|_| WRONG)?;
    match number.checked_mul(unit_ms) {
        None => Err("longer than time"),
        Some(0) => Err("that is no time at all"),
        Some(millis) => Ok(Duration::from_millis(millis)),
    }
}

/// For the core, which counts in milliseconds.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        assert_eq!(parse("300ms"), Ok(Duration::from_millis(300)));
        assert_eq!(parse("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse("7d"), Ok(Duration::from_secs(7 * 24 * 3600)));
        for wrong in
            ["", "24", "h", "1.5h", "-1h", "0s", "1h30m", "99999999999999999999d", "9h\u{20ac}", "5\u{b5}s"]
        {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
