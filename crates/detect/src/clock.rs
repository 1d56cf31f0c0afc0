//! Times as people read them, in UTC.

const NS: u64 = 1_000_000_000;

/// `10:15:00.123456789`.
pub(crate) fn time_of_day(time_ns: u64) -> String {
    let seconds = time_ns / NS % 86_400;
    format!("{:02}:{:02}:{:02}.{:09}", seconds / 3600, seconds / 60 % 60, seconds % 60, time_ns % NS)
}

/// `2026-11-28 10:15:00.123456789`.
pub(crate) fn date_time(time_ns: u64) -> String {
    let (year, month, day) = date(time_ns / NS / 86_400);
    format!("{year:04}-{month:02}-{day:02} {}", time_of_day(time_ns))
}

/// `2026-11-28T10:15:00.123456789Z`.
pub(crate) fn rfc_3339(time_ns: u64) -> String {
    let (year, month, day) = date(time_ns / NS / 86_400);
    format!("{year:04}-{month:02}-{day:02}T{}Z", time_of_day(time_ns))
}

/// Year, month and day of so many days since 1970, by the Gregorian calendar. Years begin in March here, so that a
/// leap day is a year's last.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = year_of_era + era * 400;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_dates() {
        assert_eq!(rfc_3339(0), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(rfc_3339(1_795_824_001_500_000_000), "2026-11-28T00:00:01.500000000Z");
        assert_eq!(date_time(951_782_400 * NS), "2000-02-29 00:00:00.000000000");
        assert_eq!(time_of_day(u64::MAX).len(), 18);
    }
}
