//! A record survives the disk, and what is rendered from it says what it should, offline.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use portcullis_reports::{
    CaseRecord, ClauseRecord, ConnectionEvent, ConnectionId, ConnectionPhase, Entry, Event,
    Evidence, FORMAT, Fields, Finding, MessageEvent, PacketEvent, Passage, RecordError, RunRecord,
    Source, Verdict, read_history,
};

fn history() -> Vec<Entry> {
    let dev = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 50_000);
    let prod = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 2), 6102);
    let message = |at, host: &'static str, passage| Entry {
        at: Duration::from_millis(at),
        host: host.into(),
        source: Source::Wire,
        event: Event::Message(MessageEvent {
            connection: ConnectionId(1),
            passage,
            source: dev,
            destination: prod,
            kind: "task".into(),
            fields: Fields::from([("task".into(), "<t&1>".to_owned())]),
            octets: 400,
        }),
    };
    let crash = Event::Action {
        name: "crash".into(),
        fields: Fields::new(),
    };
    vec![
        message(10, "dev", Passage::Sent),
        message(30, "prod", Passage::Delivered),
        message(40, "dev", Passage::Sent),
        Entry {
            at: Duration::from_millis(50),
            host: "prod".into(),
            source: Source::Harness,
            event: crash,
        },
    ]
}

fn record() -> RunRecord {
    let case = CaseRecord {
        scenario: "environment-transfer/callback/a-claim".into(),
        title: "A claim with <marks> & signs".into(),
        why: "Because.".into(),
        clauses: vec!["ET-17".into()],
        engine: "packet".into(),
        seed: 7,
        verdict: Verdict::Fail,
        findings: vec![Finding {
            check: "callback-on-new-connection".into(),
            clauses: vec!["ET-17".into()],
            verdict: Verdict::Fail,
            binds: "destination".into(),
            expected: "a new connection".into(),
            seen: "the old one".into(),
            entries: vec![2],
        }],
        digest: "0".repeat(32),
        entries: 4,
        simulated_ms: 61_500,
        replay: "portcullis replay environment-transfer/callback/a-claim --seed 7".into(),
        plan: "seed = 7\nlatency = \"20ms\"\n".into(),
    };
    let clause = ClauseRecord {
        id: "ET-17".into(),
        level: "must".into(),
        binds: "destination".into(),
        text: "Completion MUST be reported over a new connection.".into(),
        uncovered: None,
    };
    let program = "0.1.0".into();
    RunRecord {
        format: FORMAT,
        program,
        cases: vec![case],
        clauses: vec![clause],
    }
}

#[test]
fn a_record_and_its_evidence_survive_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let record = record();
    let evidence = Evidence {
        history: &history(),
        capture: Some(b"pcapng"),
        key_log: "CLIENT_RANDOM 00 01\n",
    };
    record.cases[0]
        .write_evidence(folder.path(), evidence)
        .unwrap();
    record.write(folder.path()).unwrap();
    assert_eq!(RunRecord::read(folder.path()).unwrap(), record);
    let case = folder.path().join(record.cases[0].folder());
    assert_eq!(read_history(&case).unwrap(), history());
    assert_eq!(
        std::fs::read(case.join("capture.pcapng")).unwrap(),
        b"pcapng"
    );
    assert_eq!(
        std::fs::read(case.join("keys.log")).unwrap(),
        b"CLIENT_RANDOM 00 01\n"
    );
}

#[test]
fn a_newer_record_is_refused_by_its_format() {
    let folder = tempfile::tempdir().unwrap();
    RunRecord {
        format: FORMAT + 1,
        ..record()
    }
    .write(folder.path())
    .unwrap();
    let found = FORMAT + 1;
    let error = RunRecord::read(folder.path()).unwrap_err();
    assert!(
        matches!(error, RecordError::Newer { found: seen } if seen == found),
        "{error}"
    );
}

/// dev asks prod twice to connect; a rule at prod drops it both times, and is then removed.
fn dropped() -> Vec<Entry> {
    let dev = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 50_000);
    let prod = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 2), 6102);
    let entry = |at, host: &'static str, source, event| Entry {
        at: Duration::from_secs(at),
        host: host.into(),
        source,
        event,
    };
    let rule = |at, name: &'static str| {
        let fields = Fields::from([("rule".into(), "no-entry".to_owned())]);
        let name = name.into();
        entry(at, "prod", Source::Harness, Event::Action { name, fields })
    };
    let connection = |at, phase| {
        let event = ConnectionEvent {
            connection: ConnectionId(3),
            phase,
            opener: dev,
            acceptor: prod,
        };
        entry(at, "dev", Source::Wire, Event::Connection(event))
    };
    let packet = |at| {
        let event = PacketEvent {
            fate: "dropped".into(),
            by: Some("no-entry".to_owned()),
            source: dev,
            destination: prod,
            flags: "S".into(),
            sequence: 1,
            octets: 0,
        };
        entry(at, "prod", Source::Wire, Event::Packet(event))
    };
    // Where prod is, its own attempt tells.
    let own = ConnectionEvent {
        connection: ConnectionId(1),
        phase: ConnectionPhase::Opening,
        opener: SocketAddrV4::new(*prod.ip(), 50_001),
        acceptor: SocketAddrV4::new(*dev.ip(), 6101),
    };
    vec![
        entry(0, "prod", Source::Wire, Event::Connection(own)),
        rule(1, "firewall-add"),
        connection(2, ConnectionPhase::Opening),
        packet(2),
        packet(3),
        connection(22, ConnectionPhase::Closed),
        rule(30, "firewall-remove"),
    ]
}

#[test]
fn the_diagram_shows_what_was_tried_and_the_rule_that_dropped_it() {
    let folder = tempfile::tempdir().unwrap();
    let evidence = Evidence {
        history: &dropped(),
        capture: None,
        key_log: "",
    };
    record().cases[0]
        .write_evidence(folder.path(), evidence)
        .unwrap();
    let page = portcullis_reports::html::render(&record(), folder.path()).unwrap();
    let (_, diagram) = page.split_once("<svg").unwrap();
    let (diagram, _) = diagram.split_once("</svg>").unwrap();
    let order = [
        "firewall-add no-entry",
        "c3 to port 6102 (dropped by no-entry)",
        "c3 to port 6102 unanswered, given up",
        "firewall-remove no-entry",
    ];
    let places = order.map(|words| {
        assert_eq!(diagram.matches(words).count(), 1, "{words} in {diagram}");
        diagram.find(words)
    });
    assert!(places.is_sorted(), "{diagram}");
    assert_eq!(diagram.matches("class=\"lost\"").count(), 1, "{diagram}");
}

#[test]
fn the_page_stands_alone_and_shows_the_failure() {
    let folder = tempfile::tempdir().unwrap();
    let evidence = Evidence {
        history: &history(),
        capture: None,
        key_log: "",
    };
    record().cases[0]
        .write_evidence(folder.path(), evidence)
        .unwrap();
    let page = portcullis_reports::html::render(&record(), folder.path()).unwrap();
    assert!(
        !page.contains("http"),
        "the page refers to something elsewhere"
    );
    assert!(page.contains("A claim with &lt;marks&gt; &amp; signs"));
    assert!(
        page.contains("<mark>"),
        "the entry that failed is marked in the timeline"
    );
    assert!(
        page.contains("(lost)"),
        "the message that never arrived is drawn as lost"
    );
    assert!(!page.contains("<t&1>"), "text from a message is escaped");
}

#[test]
fn many_seeds_of_a_scenario_have_one_row_that_leads_to_the_worst() {
    let folder = tempfile::tempdir().unwrap();
    let mut record = record();
    let case = record.cases.remove(0);
    record.cases = (0..50)
        .map(|seed| CaseRecord {
            seed,
            verdict: if seed == 40 {
                Verdict::Fail
            } else {
                Verdict::Pass
            },
            findings: Vec::new(),
            ..case.clone()
        })
        .collect();
    let page = portcullis_reports::html::render(&record, folder.path()).unwrap();
    assert!(page.contains("50 seeds: 1 FAIL 49 PASS"));
    assert_eq!(
        page.matches("<details id=").count(),
        3,
        "the worst, and two more"
    );
    assert!(page.contains("<a href=\"#case-40\">") && page.contains("<details id=\"case-40\""));
}

#[test]
fn junit_names_the_case_and_how_to_see_it_again() {
    insta::assert_snapshot!(portcullis_reports::junit::render(&record()), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuite name="portcullis" tests="1" failures="1" errors="0" skipped="0">
      <testcase classname="environment-transfer.callback" name="a-claim [packet seed 7]" time="61.500">
        <properties>
          <property name="verdict" value="FAIL"/>
          <property name="seed" value="7"/>
          <property name="engine" value="packet"/>
          <property name="clauses" value="ET-17"/>
          <property name="replay" value="portcullis replay environment-transfer/callback/a-claim --seed 7"/>
          <property name="digest" value="00000000000000000000000000000000"/>
        </properties>
        <failure message="callback-on-new-connection: expected a new connection; the old one"/>
      </testcase>
    </testsuite>
    "#);
}
