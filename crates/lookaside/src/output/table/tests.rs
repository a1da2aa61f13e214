use super::*;

fn table() -> Table {
    let mut table = Table::new(&[
        ("NAME", Align::Left),
        ("CALLS", Align::Right),
        ("STATE", Align::Left),
        ("NOTE", Align::Left),
    ]);
    let row = |cells: [&str; 4]| cells.map(str::to_owned);
    table.row(row(["a", "12", "serving", ""]));
    table.row(row(["long", "3", "ejected (refused)", "x"]));
    table
}

#[test]
fn numbers_stand_right_words_left_and_no_line_ends_in_blanks() {
    let expected = "\
NAME  CALLS  STATE              NOTE
a        12  serving
long      3  ejected (refused)  x
";
    assert_eq!(table().render(false), expected);
}

#[test]
fn colours_change_nothing_but_colours() {
    let coloured = table().render(true);
    assert!(coloured.contains("\x1b[1mNAME\x1b[0m"), "{coloured:?}");
    assert!(coloured.contains("\x1b[32mserving\x1b[0m"), "{coloured:?}");
    assert!(
        coloured.contains("\x1b[31mejected (refused)\x1b[0m"),
        "{coloured:?}"
    );
    let mut plain = String::new();
    let mut escape = false;
    for c in coloured.chars() {
        match c {
            '\x1b' => escape = true,
            'm' if escape => escape = false,
            c if !escape => plain.push(c),
            _ => {}
        }
    }
    assert_eq!(plain, table().render(false));
}
