//! Files that say what cannot be meant.

use crate::scenario::toy::{PLAIN, load};

const BITES: &str = "[[bites]]\nevent = { effect = \"noticed\" }\n";

/// The only problem of the plain scenario with `more`: the text at its place, and what it is.
fn problem(more: &str) -> (String, String) {
    let error = load(&format!("{PLAIN}\n{more}{BITES}")).expect_err(more);
    assert_eq!(error.problems.len(), 1, "{:?}", error.problems);
    let problem = &error.problems[0];
    let place = &error.text[problem.span.clone()];
    (place.to_owned(), problem.message.clone())
}

fn step(time: &str, action: &str) -> String {
    format!("[[at]]\ntime = \"{time}\"\n{action}\n")
}

const CUT: &str = "partition = { name = \"p\", from = \"ann\", to = \"bob\" }";

#[test]
fn what_was_never_done_or_only_later_cannot_be_undone() {
    let rule = "[[firewall]]\nhost = \"bob\"\nname = \"r\"\nverdict = \"drop\"\n";
    let remove = "firewall = { host = \"ann\", remove = \"r\" }";
    let table = [
        (
            step("2s", "heal = \"p\"") + &step("20s", CUT),
            "this comes before the partition `p` begins",
        ),
        (
            step("2s", CUT) + &step("3s", "heal = \"p\"") + &step("4s", "heal = \"p\""),
            "this takes back a second time that the partition `p` begins",
        ),
        (step("2s", "restart = \"bob\""), "`bob` crashes in no step"),
        (
            step("2s", "restart = \"bob\"") + &step("2s", "crash = \"bob\""),
            "this comes before `bob` crashes",
        ),
        (
            step("2s", "resume = \"bob\"") + &step("1s", "pause = \"ann\""),
            "`bob` is paused in no step",
        ),
        (
            step("2s", "unstall = \"bob\""),
            "`bob` is stalled in no step",
        ),
        (
            rule.to_owned() + &step("2s", remove),
            "`ann` gets the rule `r` in no step",
        ),
    ];
    for (more, message) in table {
        assert_eq!(problem(&more).1, message, "{more}");
    }
}

#[test]
fn what_may_come_before_can_be_undone() {
    let rule = "[[firewall]]\nhost = \"bob\"\nname = \"r\"\nverdict = \"drop\"\n";
    let remove = "firewall = { host = \"bob\", remove = \"r\" }";
    let later = "[[at]]\nafter = { message = \"hello\" }\ncrash = \"bob\"\n";
    let fine = [
        step("2s", CUT) + &step("3s", "heal = \"p\""),
        step("3s", "heal = \"p\"") + &step("2s", CUT),
        step("1s..9s", "heal = \"p\"") + &step("2s", CUT),
        step("1s", "restart = \"bob\"") + later,
        rule.to_owned() + &step("0s", remove),
    ];
    for more in fine {
        load(&format!("{PLAIN}\n{more}{BITES}")).expect(&more);
    }
}

#[test]
fn tables_that_contradict_themselves_are_shown_at_the_value() {
    let middlebox = |between: &str| format!("[[middlebox]]\nname = \"m\"\nbetween = {between}\n");
    let rule = "[[firewall]]\nhost = \"bob\"\nname = \"r\"\nverdict = \"drop\"\n";
    let expect = "[[expect]]\nmessage = { kind = \"hello\" }\n";
    let table = [
        (middlebox("[\"ann\"]"), "[\"ann\"]"),
        (middlebox("[\"bob\", \"bob\"]"), "[\"bob\", \"bob\"]"),
        (format!("{rule}octet = 5\n"), "5"),
        (format!("{rule}by = \"7s\"\n"), "\"7s\""),
        (format!("{expect}never = true\ncount = 0\n"), "true"),
        (
            format!("{rule}[[expect]]\nevent = {{ packet = \"dropped\", by = \"rr\" }}\n"),
            "\"rr\"",
        ),
        (
            step(
                "1s",
                "partition = { name = \"p\", from = \"ann\", to = [\"bob\", \"ann\"] }",
            ),
            "[\"bob\", \"ann\"]",
        ),
    ];
    for (more, place) in table {
        assert_eq!(problem(&more).0, place, "{more}");
    }
    let nat = |forward: &str| middlebox("[\"ann\", \"bob\"]") + "nat = { forward = [" + forward;
    let kill = "kill = { middlebox = \"m\" }";
    let table = [
        (nat("{ port = 7, to = \"bob\" }] }\n"), "\"bob\""),
        (
            nat("{ port = 7, to = \"ann\" }, { port = 7, to = \"ann\", to_port = 8 }] }\n"),
            "7",
        ),
        (
            "[[middlebox]]\nname = \"m\"\nfirst = \"ann\"\nsecond = [\"bob\", \"ann\"]\n"
                .to_owned(),
            "[\"bob\", \"ann\"]",
        ),
        (
            middlebox("[\"ann\", \"bob\"]") + &step("1s", kill),
            "{ middlebox = \"m\" }",
        ),
        (
            step("1s", "clock = { host = \"ann\" }"),
            "{ host = \"ann\" }",
        ),
        (
            step("1s", "clock = { host = \"ann\", drift = \"50\" }"),
            "\"50\"",
        ),
    ];
    for (more, place) in table {
        assert_eq!(problem(&more).0, place, "{more}");
    }
    let text = PLAIN.replace("\"What is told is said\"", "\" \"");
    let error = load(&text).expect_err("no title");
    assert_eq!(error.problems[0].message, "the title is empty");
}

#[test]
fn a_way_is_described_once_and_files_stay_readable() {
    let link = "[[link]]\nfrom = \"bob\"\nto = \"ann\"\nport = 7001\n";
    assert!(problem(link).0.starts_with("[[link]]"), "{link}");
    let path = "[[path]]\nfrom = \"ann\"\nto = \"bob\"\n";
    let error = load(&format!("{PLAIN}\n{path}{path}")).expect_err("twice the same");
    assert_eq!(
        error.problems[0].message,
        "the path ann to bob is described twice"
    );
    let mut text = PLAIN.to_owned();
    for number in 0..70_000 {
        text.push_str(&format!("\n[hosts.h{number}]\nrole = \"talker\"\n"));
    }
    let error = load(&text).expect_err("too many hosts");
    let said = "`hosts` has 70002 entries, of at most 250";
    assert_eq!(error.problems[0].message, said);
}
