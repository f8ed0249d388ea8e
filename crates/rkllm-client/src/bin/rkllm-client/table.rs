//! Lines with columns.

/// Lays out rows in columns that are as wide as their widest cell; numbers of columns must agree.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; N] = std::array::from_fn(|column| width(column).unwrap_or(0));
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Bytes in the unit in which files and memory are told.
pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_needed() {
        let rows = [["NAME", "STATE"], ["größer", "ready"], ["a", ""]];
        let rows = rows.map(|row| row.map(str::to_owned));
        assert_eq!(table(&rows), "NAME    STATE\ngrößer  ready\na");
        assert_eq!(table::<2>(&[]), "");
    }

    #[test]
    fn something_is_not_nothing() {
        assert_eq!([0, 1, 98_000_000].map(megabytes), ["0 MB", "1 MB", "98 MB"]);
    }
}
