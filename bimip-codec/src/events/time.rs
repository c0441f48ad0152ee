//! Moments as text: RFC 3339 in UTC with milliseconds, `2025-11-20T15:20:00.000Z`.

use bimip_proto::UnixMs;

const DAY_MS: u64 = 86_400_000;
/// The last moment that has four digits of a year.
const LAST_MS: u64 = 253_402_300_799_999;

/// The moment as JSON: text, or where its year has more than four digits the number of milliseconds.
pub(crate) fn written(at: UnixMs) -> String {
    if at.0 > LAST_MS {
        return at.0.to_string();
    }
    let (days, of_day) = (at.0 / DAY_MS, at.0 % DAY_MS);
    let (year, month, day) = date(days);
    let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
    let (second, ms) = (of_day / 1_000 % 60, of_day % 1_000);
    format!("\"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z\"")
}

/// The moment that a text names: any offset from UTC, and any number of digits of a second, of which three count.
pub(super) fn read(text: &str) -> Option<UnixMs> {
    let (day, rest) = text.split_at_checked(10)?;
    let (year, month, of_month) = match day.as_bytes() {
        [_, _, _, _, b'-', _, _, b'-', _, _] => (number(&day[..4])?, number(&day[5..7])?, number(&day[8..])?),
        _ => return None,
    };
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, rest) = rest.split_at_checked(8)?;
    let (hour, minute, second) = match clock.as_bytes() {
        [_, _, b':', _, _, b':', _, _] => (number(&clock[..2])?, number(&clock[3..5])?, number(&clock[6..])?),
        _ => return None,
    };
    let (ms, zone) = fraction(rest)?;
    let minutes_east = offset(zone)?;
    let in_range = (1..=12).contains(&month) && hour < 24 && minute < 60 && second <= 60;
    let days = days_since_epoch(year, month, of_month).filter(|_| in_range)?;
    let local = days * DAY_MS + hour * 3_600_000 + minute * 60_000 + second.min(59) * 1_000 + ms;
    let utc = i64::try_from(local).ok()? - minutes_east * 60_000;
    u64::try_from(utc).ok().map(UnixMs)
}

fn number(digits: &str) -> Option<u64> {
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

/// The milliseconds after a point, and what follows.
fn fraction(text: &str) -> Option<(u64, &str)> {
    let Some(digits) = text.strip_prefix('.') else { return Some((0, text)) };
    let end = digits.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    let (digits, zone) = digits.split_at(end);
    let three: String = digits.chars().chain("00".chars()).take(3).collect();
    if digits.is_empty() { None } else { Some((number(&three)?, zone)) }
}

/// Minutes east of UTC.
fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let (hours, minutes) =
        (number(hours).filter(|_| hours.len() == 2)?, number(minutes).filter(|_| minutes.len() == 2)?);
    let total = i64::try_from(hours * 60 + minutes).ok().filter(|_| hours < 24 && minutes < 60)?;
    Some(sign * total)
}

/// Year, month and day of a day since 1970. Eras of 400 years begin in March, so that a leap day is the last of its
/// year.
const fn date(days: u64) -> (u64, u64, u64) {
    let day = days + 719_468;
    let (era, of_era) = (day / 146_097, day % 146_097);
    let of_era_year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * of_era_year + of_era_year / 4 - of_era_year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let (month, year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + of_era_year + year, month, of_month)
}

/// The inverse; `None` for a day that there is not, or that was before 1970.
fn days_since_epoch(year: u64, month: u64, of_month: u64) -> Option<u64> {
    let (march_year, march_month) =
        if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let of_year = (153 * march_month + 2) / 5 + of_month.checked_sub(1)?;
    let of_era_year = march_year % 400;
    let of_era = of_era_year * 365 + of_era_year / 4 - of_era_year / 100 + of_year;
    let days = (march_year / 400 * 146_097 + of_era).checked_sub(719_468)?;
    (date(days) == (year, month, of_month)).then_some(days)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(ms: u64) -> String {
        written(UnixMs(ms)).trim_matches('"').to_owned()
    }

    #[test]
    fn known_moments() {
        for (ms, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_826_554_000, "2000-02-29T12:15:54.000Z"),
            (1_763_652_000_123, "2025-11-20T15:20:00.123Z"),
            (LAST_MS, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!((text(ms), read(expected)), (expected.to_owned(), Some(UnixMs(ms))));
        }
        assert_eq!(written(UnixMs(LAST_MS + 1)), "253402300800000");
        assert_eq!(read("2025-11-20T16:20:00.1239+01:00"), Some(UnixMs(1_763_652_000_123)));
        assert_eq!(read("2025-11-20 15:20:00z"), Some(UnixMs(1_763_652_000_000)));
    }

    #[test]
    fn what_is_no_moment() {
        for text in [
            "",
            "now",
            "2025-11-20",
            "2025-11-20T15:20:00",
            "2025-02-29T00:00:00Z",
            "2025-13-01T00:00:00Z",
            "2025-00-01T00:00:00Z",
            "2025-01-00T00:00:00Z",
            "2025-11-20T24:00:00Z",
            "2025-11-20T15:20:00.Z",
            "2025-11-20T15:20:00+1:00",
            "1969-12-31T23:59:59Z",
            "+025-11-20T15:20:00Z",
            "2025-11-2öT15:20:00Z",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn there_and_back(ms in 0..=LAST_MS) {
            prop_assert_eq!(read(&text(ms)), Some(UnixMs(ms)));
        }

        #[test]
        fn any_text_is_safe(text: String) {
            let _ = read(&text);
        }
    }
}
