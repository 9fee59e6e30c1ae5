//! The loader's diagnostics and the plan, on a toy protocol.

use super::toy::{PLAIN, load, load_as};
use super::*;

/// What the user reads about `text`: line and message, then label and help.
fn problems(text: &str) -> String {
    let error = load(text).expect_err("the file has a problem");
    let line = |at: usize| error.text[..at].matches('\n').count() + 1;
    let said = error.problems.iter().map(|p| {
        let rest = [&p.label, &p.help]
            .into_iter()
            .filter(|part| !part.is_empty());
        let rest: String = rest.map(|part| format!("\n    {part}")).collect();
        format!("{}: {}{rest}", line(p.span.start), p.message)
    });
    said.collect::<Vec<_>>().join("\n")
}

fn with(more: &str) -> String {
    format!("{PLAIN}\n{more}")
}

#[test]
fn a_file_outside_the_tree_is_recognised_by_its_roles() {
    let scenario = load_as("/tmp/mine.toml", PLAIN).expect("a valid file");
    assert_eq!(scenario.protocol.name(), "toy");
    assert_eq!(scenario.hosts[1].0, "bob");
    assert_eq!(scenario.hosts[1].1.text("profile"), Some("linux-6.5+"));
    assert_eq!(scenario.hosts[0].1.text("profile"), Some("win-current"));
    let strange = PLAIN.replace("\"talker\"", "\"walker\"");
    let error = load_as("mine", &strange).expect_err("an unknown role");
    assert_eq!(error.problems[0].help, "did you mean `talker`?");
}

#[test]
fn a_problem_is_shown_in_its_line_with_the_nearest_key() {
    let text = PLAIN.replace("latency =", "latencey =");
    let error = load(&text).expect_err("a mistyped key");
    insta::assert_snapshot!(error.render(Ink::Plain), @r#"
     × [[link]] has no key `latencey`
       ╭─[test.toml:14:1]
    13 │ to = "bob"
    14 │ latencey = "1ms..40ms"
       · ────┬───
       ·     ╰── unknown key
    15 │ port = 7000
       ╰────
     help: did you mean `latency`?
    "#);
}

#[test]
fn all_problems_are_reported_at_once() {
    let text = PLAIN
        .replace("[\"TOY-1\"]", "[\"TOY-11\"]")
        .replace("\"1ms..40ms\"", "40")
        .replace("port = 7000", "port = 70000")
        .replace("linux-6.5+", "linux-6.5")
        .replace("to = \"bob\"", "to = \"bab\"")
        .replace("time = \"1s\"", "time = \"1 KiB\"")
        .replace("said = \"w1\"", "said = \"w2\"");
    insta::assert_snapshot!(problems(&text), @r#"
    2: toy has no clause `TOY-11`
        unknown clause
        did you mean `TOY-1`?
    9: `profile` cannot be `linux-6.5`
        unknown word
        did you mean `linux-6.5+`?
    13: no host is called `bab`
        unknown host
        did you mean `bob`?
    14: the value of `latency` lacks a unit
        here
        write a duration such as "10s" (d, h, m, s, ms, us, ns)
    15: `port` is not a port from 1 to 65535
        this is a number
    18: the value of `time` has a unit that does not fit
        here
        write a duration such as "10s" (d, h, m, s, ms, us, ns)
    22: no word is called `w2`
        unknown word
        did you mean `w1`?
    "#);
}

#[test]
fn required_exclusive_and_dependent_keys_are_checked() {
    let text = with(
        r#"
[[at]]
crash = "ann"
heal = "p1"

[[at]]
time = "2s"
delay = "1s"
resume = "bob"

[[expect]]
within = "5s"

[[expect]]
message = { passage = "sent" }
count = { min = 3, max = 2 }

[[bites]]
rule = "no-such-rule"
count = 1
"#,
    );
    insta::assert_snapshot!(problems(&text), @r"
    26: [[at]] needs one of `time`, `after`
        here
    27: [[at]] has both `heal` and `crash`
        only one of them can hold
    28: no partition is called `p1`
        unknown partition
        the file declares none
    32: `delay` has no meaning without `after`
        stands alone
    33: `bob` is paused in no step
        nothing to undo
    35: [[expect]] needs one of `connection`, `message`, `event`, `order`, `said`
        here
    39: `message` lacks the key `kind`
        here
        `kind` is one or a list of the protocol's words for `message`: The message's kind, as the protocol names it.
    40: `count` is not a number, or a table such as { min = 1, max = 4 }
        this is a table
        `max` is smaller than `min`
    43: no rule is called `no-such-rule`
        unknown rule
        the file declares none
    44: `count` has no meaning without `event`
        stands alone
    ");
}

#[test]
fn a_word_that_no_event_has_is_rejected_so_that_never_cannot_hold_by_a_mistake() {
    let table = [
        ("message = { kind = \"helo\" }", "did you mean `hello`?"),
        ("event = { message = \"helo\" }", "did you mean `hello`?"),
        ("event = { packet = \"droped\" }", "did you mean `dropped`?"),
        (
            "event = { packet = \"sent\", flags = \"SYN\" }",
            "there are `S`, `SA`",
        ),
        ("event = { action = \"craash\" }", "did you mean `crash`?"),
        ("event = { action = \"saay\" }", "did you mean `say`?"),
        (
            "event = { effect = \"notised\" }",
            "did you mean `noticed`?",
        ),
        (
            "event = { state = \"any\", left = \"any\" }",
            "unknown word",
        ),
        ("event = { write = [\"table\"] }", "unknown word"),
    ];
    for (form, help) in table {
        let said = problems(&with(&format!("[[expect]]\n{form}\nnever = true\n")));
        assert!(said.contains(help), "{form}: {said}");
    }
}

#[test]
fn without_a_role_the_other_problems_are_reported_all_the_same() {
    let text = PLAIN
        .replace("role =", "rolle =")
        .replace("latency =", "latencey =");
    let error = load_as("mine.toml", &text).expect_err("no role");
    let said: Vec<_> = error.problems.iter().map(|p| p.message.as_str()).collect();
    assert_eq!(
        said,
        [
            "a host lacks the key `role`",
            "a host has no key `rolle`",
            "a host lacks the key `role`",
            "a host has no key `rolle`",
            "[[link]] has no key `latencey`",
        ]
    );
}

#[test]
fn a_name_is_declared_once() {
    let again =
        with("[[at]]\ntime = \"2s\"\nsay = { from = \"bob\", as = \"w1\", word = \"x\" }\n");
    assert!(problems(&again).contains("the word `w1` is declared twice"));
}

#[test]
fn a_fault_without_proof_is_rejected_and_a_repair_is_no_fault() {
    let faults = [
        "[[at]]\ntime = \"2s\"\ncrash = \"bob\"\n",
        "[[at]]\ntime = \"2s\"\npartition = { name = \"p\", from = \"ann\", to = \"bob\" }\n",
        "[[at]]\ntime = \"2s\"\n\
         firewall = { host = \"bob\", add = { name = \"r\", verdict = \"drop\" } }\n",
        "[[firewall]]\nhost = \"bob\"\nname = \"r\"\nverdict = \"reset\"\n",
        "[[path]]\nfrom = \"ann\"\nto = \"bob\"\nloss = \"5%\"\n",
    ];
    for fault in faults {
        assert!(
            problems(&with(fault)).contains("nothing proves that it bites"),
            "{fault}"
        );
        let proof = "[[bites]]\nevent = { effect = \"noticed\" }\n";
        load(&with(&format!("{fault}{proof}"))).expect(fault);
    }
    load(&with(
        "[[firewall]]\nhost = \"bob\"\nname = \"r\"\nverdict = \"accept\"\n",
    ))
    .expect("an accepting rule is no fault");
}

#[test]
fn a_claim_that_nothing_tests_is_rejected() {
    let bare = PLAIN.split("[[expect]]").next().expect("the part before");
    assert_eq!(
        problems(bare),
        "1: the scenario expects nothing\n    a claim that no [[expect]] tests\n    add an \
         [[expect]] that fails when the claim is wrong"
    );
}

#[test]
fn a_file_that_is_no_toml_says_where() {
    assert!(problems("title = \"open\nrole = 1").starts_with("1: "));
}

#[test]
fn a_plan_is_stable_and_prints_as_a_file_that_plans_to_the_same() {
    let text = with(
        "[[at]]\nafter = { message = \"hello\", from = \"ann\", nth = 2 }\ndelay = \"1s..2s\"\n\
         clock = { host = \"bob\", offset = \"-90s\" }\n\
         [[bites]]\nevent = { connection = [\"reset\", \"refused\"], \
         source_port = \"49152..65535\" }\n",
    );
    let plan = Plan::new(&load(&text).expect("a valid file"), 7);
    let printed = plan.to_string();
    let again = Plan::new(&load(&printed).expect("a plan is a scenario"), 7);
    let without_draws = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with("# drawn"));
        lines.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(without_draws(&again.to_string()), without_draws(&printed));
    insta::assert_snapshot!(printed, @r#"
    # toy/test with seed 7
    # drawn: link 1 latency = "22.223ms"
    # drawn: at 2 delay = "1.306363s"
    title = "What is told is said"
    clauses = "TOY-1"
    ends = "150m"

    [hosts.ann] # 10.0.0.1
    role = "talker"
    profile = "win-current"
    stealth = false
    backlog = 4096

    [hosts.bob] # 10.0.0.2
    role = "talker"
    profile = "linux-6.5+"
    stealth = false
    backlog = 4096

    [[link]]
    from = "ann"
    to = "bob"
    latency = "22.223ms"
    port = 7000

    [[at]]
    time = "1s"
    say = { from = "ann", as = "w1", word = "hello" }

    [[at]]
    after = { message = "hello", from = "ann", passage = "delivered", nth = 2 }
    delay = "1.306363s"
    clock = { host = "bob", offset = "-90s" }

    [[expect]]
    within = "30m"
    said = "w1"

    [[bites]]
    event = { connection = ["reset", "refused"], source_port = "49152..65535", nth = 1 }
    "#);
}

#[test]
fn seeds_draw_independently_and_a_new_key_shifts_no_other_draw() {
    let latency = |text: &str, seed| {
        let plan = Plan::new(&load(text).expect("a valid file"), seed);
        plan.links[0].duration("latency")
    };
    assert_ne!(latency(PLAIN, 1), latency(PLAIN, 2));
    let more = PLAIN.replace("port = 7000", "port = 7000\njitter = \"0ms..9ms\"");
    assert_eq!(latency(PLAIN, 1), latency(&more, 1));
}

#[test]
fn every_default_of_the_core_is_in_the_notation_of_the_file() {
    let text = with(
        "[[middlebox]]\nname = \"box\"\nbetween = [\"ann\", \"bob\"]\nidle_timeout = \"5m\"\n\
         [[firewall]]\nmiddlebox = \"box\"\nname = \"r\"\nverdict = \"accept\"\n\
         [[path]]\nfrom = \"ann\"\nto = \"bob\"\njitter = \"1ms\"\n\
         [[at]]\nafter = { effect = \"a\" }\n\
         partition = { name = \"p\", from = \"ann\", to = \"bob\" }\n\
         [[expect]]\nmessage = { kind = \"hello\" }\n\
         [[bites]]\nmiddlebox = \"box\"\n",
    );
    load(&text).expect("every default can be read");
}
