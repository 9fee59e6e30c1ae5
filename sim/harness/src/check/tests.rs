//! What each form of expectation means, on hand-made histories, and how verdicts come about.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use portcullis_reports::{
    ConnectionEvent, ConnectionId, ConnectionPhase, Entry, Event, Fields, MessageEvent,
    PacketEvent, Passage, Source, StateEvent, Verdict,
};

use super::{Checks, HITS, explain, judge};
use crate::scenario::toy::plan;

const ANN: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const BOB: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const END: Duration = Duration::from_secs(3600);

fn entry(seconds: u64, host: &'static str, event: Event) -> Entry {
    Entry {
        at: Duration::from_secs(seconds),
        host: host.into(),
        source: Source::Wire,
        event,
    }
}

fn connection(seconds: u64, phase: ConnectionPhase, source_port: u16) -> Entry {
    let event = ConnectionEvent {
        connection: ConnectionId(1),
        phase,
        opener: SocketAddrV4::new(ANN, source_port),
        acceptor: SocketAddrV4::new(BOB, 7000),
    };
    entry(seconds, "ann", Event::Connection(event))
}

fn message(seconds: u64, passage: Passage, kind: &'static str) -> Entry {
    let event = MessageEvent {
        connection: ConnectionId(1),
        passage,
        source: SocketAddrV4::new(ANN, 50_000),
        destination: SocketAddrV4::new(BOB, 7000),
        kind: kind.into(),
        fields: Fields::from([("word".into(), "w1-id".to_owned())]),
        octets: 10,
    };
    entry(seconds, "bob", Event::Message(event))
}

fn effect(seconds: u64, host: &'static str, name: &'static str) -> Entry {
    let fields = Fields::from([("word".into(), "w1-id".to_owned())]);
    entry(
        seconds,
        host,
        Event::Effect {
            name: name.into(),
            fields,
        },
    )
}

fn action(name: &'static str, fields: &[(&'static str, &str)]) -> Entry {
    let fields = fields
        .iter()
        .map(|(key, value)| ((*key).into(), (*value).to_owned()));
    let event = Event::Action {
        name: name.into(),
        fields: fields.collect(),
    };
    entry(1, "", event)
}

fn packet(seconds: u64) -> Entry {
    let event = PacketEvent {
        fate: "dropped".into(),
        by: Some("r".to_owned()),
        source: SocketAddrV4::new(ANN, 50_000),
        destination: SocketAddrV4::new(BOB, 7000),
        flags: "S".into(),
        sequence: 1,
        octets: 0,
    };
    entry(seconds, "bob", Event::Packet(event))
}

/// A history in which the toy scenario's own expectation holds.
fn said() -> Vec<Entry> {
    vec![
        action("alias", &[("alias", "w1"), ("stands-for", "w1-id")]),
        effect(2, "bob", "said"),
    ]
}

/// The verdict and what was seen of the last `[[expect]]` or `[[bites]]` in `section`.
fn of(section: &str, entries: Vec<Entry>) -> (Verdict, String) {
    let plan = plan(section);
    let mut history = said();
    history.extend(entries);
    history.sort_by_key(|entry| entry.at);
    let judgement = judge(&plan, &history, END, None);
    let count = plan.expects.len() + plan.bites.len();
    let finding = judgement.findings[count - 1].clone();
    (finding.verdict, finding.seen)
}

fn holds(section: &str, entries: Vec<Entry>) {
    assert_eq!(
        of(section, entries),
        (Verdict::Pass, String::new()),
        "{section}"
    );
}

fn fails(section: &str, entries: Vec<Entry>, seen: &str) {
    assert_eq!(
        of(section, entries),
        (Verdict::Fail, seen.to_owned()),
        "{section}"
    );
}

use ConnectionPhase::{Established, Refused, TimedOut};

#[test]
fn connections_are_told_apart_by_phase_hosts_and_ports() {
    let refused = "[[expect]]\nconnection = { phase = \"refused\", from = \"ann\", to = \"bob\", \
                   port = 7000, source_port = \"49152..65535\" }\n";
    holds(refused, vec![connection(3, Refused, 50_000)]);
    fails(refused, vec![connection(3, TimedOut, 50_000)], "none");
    fails(refused, vec![connection(3, Refused, 7000)], "none");
    let reversed = refused.replace(
        "from = \"ann\", to = \"bob\"",
        "from = \"bob\", to = \"ann\"",
    );
    fails(&reversed, vec![connection(3, Refused, 50_000)], "none");
    let either =
        "[[expect]]\nconnection = { phase = [\"refused\", \"timed-out\"] }\nat = \"ann\"\n";
    holds(either, vec![connection(3, TimedOut, 50_000)]);
    fails(
        &either.replace("at = \"ann\"", "at = \"bob\""),
        vec![connection(3, TimedOut, 1)],
        "none",
    );
}

#[test]
fn messages_count_when_they_arrive_unless_the_file_says_sent() {
    let arrived = "[[expect]]\nmessage = { kind = \"hello\", from = \"ann\", word = \"w1\" }\n";
    holds(arrived, vec![message(3, Passage::Delivered, "hello")]);
    fails(arrived, vec![message(3, Passage::Sent, "hello")], "none");
    fails(arrived, vec![message(3, Passage::Delivered, "bye")], "none");
    let left = arrived.replace("word = \"w1\"", "passage = \"sent\"");
    holds(&left, vec![message(3, Passage::Sent, "hello")]);
    let other = arrived.replace("\"w1\"", "\"another\"");
    fails(
        &other,
        vec![message(3, Passage::Delivered, "hello")],
        "none",
    );
}

#[test]
fn numbers_are_bounded_below_and_above() {
    let opened = |count: &str| {
        format!("[[expect]]\nconnection = {{ phase = \"established\" }}\ncount = {count}\n")
    };
    let two = || vec![connection(3, Established, 1), connection(9, Established, 2)];
    holds(&opened("2"), two());
    holds(&opened("{ min = 1, max = 2 }"), two());
    fails(&opened("3"), two(), "2, at 3.000 s, 9.000 s");
    fails(&opened("{ max = 1 }"), two(), "2, at 3.000 s, 9.000 s");
    fails(&opened("1"), two(), "2, at 3.000 s, 9.000 s");
    holds(&opened("0"), Vec::new());
    let never = "[[expect]]\nconnection = { phase = \"established\" }\nnever = true\n";
    holds(never, Vec::new());
    fails(never, two(), "2, at 3.000 s, 9.000 s");
}

#[test]
fn within_counts_from_the_start_or_from_an_event() {
    let bounded = "[[expect]]\nevent = { effect = \"heard\" }\nwithin = \"10s\"\n";
    holds(bounded, vec![effect(10, "bob", "heard")]);
    fails(
        bounded,
        vec![effect(11, "bob", "heard"), effect(12, "bob", "heard")],
        "none, not until 11.000 s",
    );
    let twice = format!("{bounded}count = 2\n");
    let late = vec![effect(9, "bob", "heard"), effect(11, "bob", "heard")];
    fails(&twice, late, "1, at 9.000 s, the next not until 11.000 s");
    let after = format!("{bounded}after = {{ connection = \"refused\" }}\n");
    let late = vec![connection(20, Refused, 1), effect(30, "bob", "heard")];
    holds(&after, late.clone());
    fails(
        &after,
        vec![effect(5, "bob", "heard"), late[0].clone()],
        "none",
    );
    fails(&after, Vec::new(), "a connection refused never happened");
    let silence = format!("{after}never = true\n");
    let vacuous = (
        Verdict::Inconclusive,
        "a connection refused never happened".to_owned(),
    );
    assert_eq!(of(&silence, Vec::new()), vacuous);
    let second = after.replace(
        "connection = \"refused\"",
        "connection = \"refused\", nth = 2",
    );
    fails(
        &second,
        late,
        "a connection refused (number 2) never happened",
    );
}

#[test]
fn a_state_that_is_missed_is_told_with_the_one_reached_instead() {
    let enters = |seconds, state: &'static str| {
        let event = StateEvent {
            machine: "door".into(),
            id: "1".to_owned(),
            from: "".into(),
            to: state.into(),
            fields: Fields::new(),
        };
        entry(seconds, "bob", Event::State(event))
    };
    let shut = "[[expect]]\nevent = { state = \"shut\", machine = \"door\" }\nwithin = \"10s\"\n";
    fails(shut, vec![enters(3, "open")], "none, but open at 3.000 s");
    let late = vec![enters(3, "open"), enters(31, "shut")];
    fails(shut, late, "none, not until 31.000 s");
    fails(shut, Vec::new(), "none");
}

#[test]
fn what_is_expected_is_told_as_it_was_asked() {
    let plan = plan(
        "[[expect]]\nconnection = { phase = \"refused\", from = \"ann\" }\n\
                     [[expect]]\nevent = { effect = \"heard\", word = \"w1\" }\n",
    );
    let judgement = judge(&plan, &said(), END, None);
    let told = judgement
        .findings
        .iter()
        .map(|finding| finding.expected.as_str());
    let told: Vec<_> = told.take(3).collect();
    let wanted = [
        "w1 is said",
        "a connection refused from ann",
        "heard with word w1",
    ];
    assert_eq!(told, wanted);
}

#[test]
fn an_order_is_looked_for_step_by_step() {
    let order = "[[expect]]\norder = [{ effect = \"a\" }, { connection = \"refused\" }, \
                 { effect = \"a\" }]\n";
    let story = |first: u64, second: u64| {
        vec![
            effect(first, "ann", "a"),
            connection(5, Refused, 1),
            effect(second, "ann", "a"),
        ]
    };
    holds(order, story(3, 7));
    fails(
        order,
        story(3, 4),
        "until 1:00:00.000 no a after a connection refused at 5.000 s, only before it at 4.000 s",
    );
    fails(order, Vec::new(), "until 1:00:00.000 no a");
}

#[test]
fn a_fault_bites_by_packets_or_by_events() {
    let rule = "[[firewall]]\nhost = \"bob\"\nname = \"r\"\nverdict = \"drop\"\n\
                [[bites]]\nrule = \"r\"\npackets = { min = 2 }\n";
    let hits = |packets| vec![action(HITS, &[("rule", "r"), ("packets", packets)])];
    holds(rule, hits("2"));
    assert_eq!(
        of(rule, hits("1")),
        (Verdict::Inconclusive, "it hit 1".to_owned())
    );
    let event = "[[bites]]\nevent = { effect = \"noticed\" }\n";
    holds(event, vec![effect(3, "bob", "noticed")]);
    assert_eq!(of(event, Vec::new()).0, Verdict::Inconclusive);
    let order = "[[bites]]\norder = [{ effect = \"begin\" }, { action = \"crash\" }]\n";
    assert_eq!(
        of(order, vec![effect(3, "bob", "begin")]).0,
        Verdict::Inconclusive
    );
}

/// The verdict on a broken expectation with these clauses, under these bites.
fn verdict(more: &str, history: &[Entry], error: Option<&str>) -> Verdict {
    judge(&plan(more), history, END, error).verdict
}

#[test]
fn the_strictest_clause_decides_how_bad_a_break_is() {
    let broken = |clauses: &str| {
        format!("[[expect]]\nevent = {{ effect = \"never\" }}\nclauses = {clauses}\n")
    };
    assert_eq!(verdict("", &said(), None), Verdict::Pass);
    assert_eq!(
        verdict(&broken("[\"TOY-1\"]"), &said(), None),
        Verdict::Fail
    );
    assert_eq!(
        verdict(&broken("[\"TOY-2\"]"), &said(), None),
        Verdict::Warn
    );
    assert_eq!(
        verdict(&broken("[\"TOY-3\"]"), &said(), None),
        Verdict::Info
    );
    let both = broken("[\"TOY-3\", \"TOY-1\", \"TOY-2\"]");
    assert_eq!(verdict(&both, &said(), None), Verdict::Fail);
}

#[test]
fn a_pass_whose_fault_did_not_bite_is_inconclusive_but_a_fail_stays_one() {
    let bites = "[[bites]]\nevent = { effect = \"noticed\" }\n";
    assert_eq!(verdict(bites, &said(), None), Verdict::Inconclusive);
    assert_eq!(verdict(bites, &[], None), Verdict::Fail);
}

#[test]
fn an_error_of_the_harness_outweighs_everything() {
    assert_eq!(verdict("", &[], Some("a task panicked")), Verdict::Error);
}

#[test]
fn invariants_are_judged_in_every_run() {
    let mut long = said();
    long.extend((0..10).map(|second| effect(second + 3, "ann", "chatter")));
    let judgement = judge(&plan(""), &long, END, None);
    assert_eq!(judgement.verdict, Verdict::Warn);
    let finding = judgement.findings.last().expect("the invariant");
    assert_eq!(
        (finding.check.as_ref(), finding.binds.as_ref()),
        ("brief", "talker")
    );
}

#[test]
fn a_run_goes_on_until_all_is_decided_and_no_work_is_open() {
    let plan = plan("[[expect]]\nevent = { effect = \"heard\" }\nnever = true\nwithin = \"10s\"\n");
    let mut checks = Checks::new(&plan);
    let mut history = vec![effect(1, "ann", "begin")];
    history.extend(said());
    assert!(
        !checks.follow(&history),
        "work is open and silence not yet kept for 10 s"
    );
    history.push(effect(11, "bob", "other"));
    assert!(!checks.follow(&history), "work is open");
    history.push(effect(12, "ann", "finish"));
    assert!(checks.follow(&history));
}

#[test]
fn packets_alone_never_end_a_run() {
    let mut checks = Checks::new(&plan(""));
    let mut history = vec![packet(1)];
    history.extend(said());
    history.push(packet(3));
    assert!(checks.follow(&history));
    history.push(packet(4));
    assert!(
        !checks.follow(&history),
        "a run that keeps packets ends where one without does"
    );
}

#[test]
fn a_failing_case_says_what_broke_why_and_how_to_see_it_again() {
    let plan = plan("[[expect]]\nconnection = { phase = \"refused\", from = \"ann\" }\n");
    let mut history = said();
    history.push(connection(3, TimedOut, 50_000));
    let outcome = crate::engine::RunOutcome {
        history,
        digest: 7,
        capture: None,
        key_log: String::new(),
        end: crate::engine::End::Deadline,
        elapsed: END,
        hits: crate::engine::Hits::default(),
        missed: Vec::new(),
    };
    let run = crate::run::judged(&plan, outcome);
    let record = run.record(&plan, crate::run::Engine::Packet);
    insta::assert_snapshot!(explain(&record, &plan.clauses, &run.history), @r#"
    claim     What is told is said

    FAIL in expect on line 25
    clause    TOY-1 (MUST, binds talker): A talker MUST say what it was told to say.
    expected  a connection refused from ann
    seen      none

    events that led there, those that show it marked with their clause:
            time  host          mark  where  what
         1.000 s                   !         alias alias=w1 stands-for=w1-id
         2.000 s  bob              ~         said word=w1-id
         3.000 s  ann              !  c1     timed-out 10.0.0.1:50000 -> 10.0.0.2:7000

    drawn     link 1 latency = "5.924ms"
    replay    portcullis replay toy/test --seed 1
    "#);
}
