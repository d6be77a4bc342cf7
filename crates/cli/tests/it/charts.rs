//! `reform chart` and the pictures of `reform demo`.

use std::fs;

use crate::program::{Served, run, stderr, stdout};

#[test]
fn a_picture_goes_to_the_terminal_to_a_file_or_to_stdout() {
    let pair = Served::start();
    let query = ["chart", "registered-parties", "-j", "KZ", "--period", "2021..2023", "--origin", "counted"];
    let shown = pair.run(&query);
    let text = stdout(&shown);
    assert!(shown.status.success(), "{}", stderr(&shown));
    assert!(text.starts_with("Registered parties\nKZ · counted from records\n"), "{text}");
    let row = |year: &str| text.lines().find(|line| line.starts_with(year)).unwrap().to_owned();
    assert!(row("2021").contains('●') && row("2021").ends_with(" 6"), "{text}");
    assert!(row("2022").contains('├') && row("2022").contains("6–7"), "{text}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("parties.png");
    let path = file.to_str().unwrap();
    let drawn = pair.run(&[&query[..], &[path, "--width", "400", "--height", "300"]].concat());
    assert!(drawn.status.success(), "{}", stderr(&drawn));
    assert!(stderr(&drawn).contains("parties.png drawn at revision "), "{}", stderr(&drawn));
    assert_eq!(fs::read(&file).unwrap()[16..24], [0, 0, 1, 144, 0, 0, 1, 44]);

    let piped = pair.run(&[&query[..], &["-"]].concat());
    assert!(stdout(&piped).starts_with("<svg ") && stderr(&piped).is_empty(), "{}", stderr(&piped));

    let empty = pair.run(&["chart", "registered-parties", "-j", "XX"]);
    assert!(stdout(&empty).contains("no data"), "{}", stdout(&empty));
    let figures = pair.run(&["-o", "csv", "chart", "registered-parties", "-j", "KZ"]);
    assert!(stdout(&figures).starts_with("indicator,revision,"), "{}", stdout(&figures));

    let other = folder.path().join("parties.pdf");
    let refused = pair.run(&[&query[..], &[other.to_str().unwrap()]].concat());
    assert!(
        refused.status.code() == Some(2) && stderr(&refused).contains("--format"),
        "{}",
        stderr(&refused)
    );
    let narrow = pair.run(&[&query[..], &[path, "--width", "10"]].concat());
    assert!(narrow.status.code() == Some(4) && stderr(&narrow).contains("width_px"), "{}", stderr(&narrow));
}

#[test]
fn every_picture_of_the_readme_is_drawn_from_the_shipped_records() {
    let folder = tempfile::tempdir().unwrap();
    let drawn = run(&["demo", "--exit", "--charts", folder.path().to_str().unwrap()]);
    assert!(drawn.status.success(), "{}", stderr(&drawn));
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let readme = fs::read_to_string(format!("{root}/README.md")).unwrap();
    let mut count = 0;
    for entry in fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        assert!(entry.metadata().unwrap().len() > 5_000, "{name}");
        assert!(readme.contains(&format!("(docs/charts/{name})")), "{name}");
        assert!(fs::exists(format!("{root}/docs/charts/{name}")).unwrap(), "{name}");
        count += 1;
    }
    assert_eq!(count, 10);
}
